import type { EdgeEvent, ForwardDetail, ForwardReason } from './events.ts';

/** Returns the value of `Cache-Status` (RFC 9211), or `undefined` where nothing was decided about the cache. */
export function cacheStatus(events: readonly EdgeEvent[]): string | undefined {
  let hit: { readonly staleMs?: number } | undefined;
  let store = '';
  let forward: { readonly reason: ForwardReason; readonly detail?: ForwardDetail } | undefined;
  let stored = '';
  let collapsed = '';
  let isForwardedBefore = false;
  let bytes = '';
  for (const event of events) {
    if (event.kind === 'resolved') {
      isForwardedBefore = forward !== undefined && !hit;
      hit = undefined;
    } else if (event.kind === 'hit') hit = event;
    else if (event.kind === 'stat') store = `; detail=${event.store}`;
    else if (event.kind === 'forward') forward = event;
    else if (event.kind === 'write-back' && event.outcome === 'begun') stored = '; stored';
    else if (event.kind === 'bytes') bytes = event.outcome === 'hit' ? `; detail=${event.store}` : '';
    else if (event.kind === 'fill' && event.outcome === 'begun') stored = '; stored';
    else if (event.kind === 'collapsed') collapsed = '; collapsed';
  }
  if (hit && !isForwardedBefore) {
    const ttl = hit.staleMs === undefined ? '' : `; ttl=${0 - Math.ceil(hit.staleMs / 1000)}`;
    return `registry-edge; hit${ttl}${bytes || store}`;
  }
  if (!forward) return undefined;
  const detail = forward.detail ? `; detail=${forward.detail}` : bytes;
  return `registry-edge; fwd=${forward.reason}${stored}${collapsed}${detail}`;
}

/** Returns the value of `Server-Timing`: the time spent on the cache, on the origin and on its token server, in ms. */
export function serverTiming(events: readonly EdgeEvent[]): string | undefined {
  let cacheMs: number | undefined;
  let originMs: number | undefined;
  let tokenMs: number | undefined;
  for (const event of events) {
    if (event.kind === 'stat' || event.kind === 'bytes') cacheMs = (cacheMs ?? 0) + event.ms;
    else if (event.kind === 'origin') originMs = (originMs ?? 0) + event.ms;
    else if (event.kind === 'token') tokenMs = (tokenMs ?? 0) + event.ms;
  }
  const cache = timing('cache', cacheMs);
  if (originMs === undefined && tokenMs === undefined) return cache;
  const parts = [cache, timing('token', tokenMs), timing('origin', originMs)];
  return parts.filter((part) => part !== undefined).join(', ');
}

function timing(name: string, ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${name};dur=${ms}`;
}

/**
 * Returns the headers that report the decisions. They are empty on a refusal, and on any failure where the caller's
 * access is not known: such a caller does not even learn that there is a cache.
 */
export function decisionHeaders(events: readonly EdgeEvent[], status: number): Record<string, string> {
  const headers: Record<string, string> = {};
  if (status === 401 || status === 403 || (status >= 400 && !isGranted(events))) return headers;
  const cache = cacheStatus(events);
  if (cache) headers['Cache-Status'] = cache;
  const timing = serverTiming(events);
  if (timing) headers['Server-Timing'] = timing;
  return headers;
}

function isGranted(events: readonly EdgeEvent[]): boolean {
  return events.some((event) => event.kind === 'access' && event.outcome === 'granted');
}
