import type { EdgeEvent, ForwardDetail, ForwardReason } from './events.ts';

/** What was decided about the cache, as far as it says how the request was answered. */
export interface Decision {
  /** The cache alone answered. */
  readonly hit: { readonly staleMs?: number } | undefined;
  /** Why it did not. */
  readonly forward: { readonly reason: ForwardReason; readonly detail?: ForwardDetail } | undefined;
  /** The store whose look was the last; empty for none. */
  readonly store: string;
  /** The byte store that gave the content; empty for none. */
  readonly byteStore: string;
  readonly isStored: boolean;
  readonly isCollapsed: boolean;
}

/** Sums up the events of a request. */
export function decisionOf(events: readonly EdgeEvent[]): Decision {
  let hit: Decision['hit'];
  let store = '';
  let forward: Decision['forward'];
  let isStored = false;
  let isCollapsed = false;
  let isForwardedBefore = false;
  let byteStore = '';
  for (const event of events) {
    if (event.kind === 'resolved') {
      isForwardedBefore = forward !== undefined && !hit;
      hit = undefined;
    } else if (event.kind === 'hit') hit = event;
    else if (event.kind === 'stat') store = event.store;
    else if (event.kind === 'forward') forward = event;
    else if (event.kind === 'write-back' && event.outcome === 'begun') isStored = true;
    else if (event.kind === 'bytes') byteStore = event.outcome === 'hit' ? event.store : '';
    else if (event.kind === 'fill' && event.outcome === 'begun') isStored = true;
    else if (event.kind === 'collapsed') isCollapsed = true;
  }
  return { hit: isForwardedBefore ? undefined : hit, forward, store, byteStore, isStored, isCollapsed };
}

/** Returns the value of `Cache-Status` (RFC 9211), or `undefined` where nothing was decided about the cache. */
export function cacheStatus(events: readonly EdgeEvent[]): string | undefined {
  const { hit, forward, store, byteStore, isStored, isCollapsed } = decisionOf(events);
  if (hit) {
    const ttl = hit.staleMs === undefined ? '' : `; ttl=${0 - Math.ceil(hit.staleMs / 1000)}`;
    const from = byteStore || store;
    return `registry-edge; hit${ttl}${from && `; detail=${from}`}`;
  }
  if (!forward) return undefined;
  const detail = forward.detail ?? byteStore;
  const [stored, collapsed] = [isStored ? '; stored' : '', isCollapsed ? '; collapsed' : ''];
  return `registry-edge; fwd=${forward.reason}${stored}${collapsed}${detail && `; detail=${detail}`}`;
}

/** The time that a request spent on stores, on the origin and on its token server, in ms; `undefined`: on none. */
export interface Times {
  readonly cacheMs: number | undefined;
  readonly originMs: number | undefined;
  readonly tokenMs: number | undefined;
}

export function timesOf(events: readonly EdgeEvent[]): Times {
  let cacheMs: number | undefined;
  let originMs: number | undefined;
  let tokenMs: number | undefined;
  for (const event of events) {
    if (event.kind === 'stat' || event.kind === 'bytes') cacheMs = (cacheMs ?? 0) + event.ms;
    else if (event.kind === 'origin') originMs = (originMs ?? 0) + event.ms;
    else if (event.kind === 'token') tokenMs = (tokenMs ?? 0) + event.ms;
  }
  return { cacheMs, originMs, tokenMs };
}

/** Returns the value of `Server-Timing`. */
export function serverTiming(events: readonly EdgeEvent[]): string | undefined {
  const { cacheMs, originMs, tokenMs } = timesOf(events);
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
