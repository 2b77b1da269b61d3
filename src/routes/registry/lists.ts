import type { RequestContext } from '../../context.ts';
import { readBody } from '../../http/body/readBody.ts';
import { trackedBody } from '../../http/body/trackedBody.ts';
import { rewriteLocation } from '../../http/location.ts';
import type { List } from '../../isolate/lists.ts';
import { variantOf } from '../../oci/mediaTypes.ts';
import type { Route, Target } from '../../oci/route.ts';
import { isFirstHand } from '../../origin/confirmation.ts';
import { decisionHeaders } from '../../telemetry/headers.ts';
import { type CallerHeaders, callerHeadersOf } from '../../upstream/callerHeaders.ts';
import { Repository } from '../../upstream/repository.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { API_VERSION } from './answer.ts';
import { passThrough } from './passthrough.ts';
import { relayUnlessStalled } from './relay.ts';

export type ListRoute = Extract<Route, { kind: 'catalog' | 'tags' | 'referrers' }>;

/** A longer list is not stored. */
const MAX_LIST_BYTES = 256 * 1024;
/** The origin's headers that are stored with a list. */
const LIST_HEADERS = ['content-type', 'link', 'oci-filters-applied'];

/**
 * Answers `GET` of tags, referrers or the catalog. The request passes through, unless `LIST_TTL` allows pull-only
 * callers to share a list for a short time. An empty list of referrers is never stored: the first referrer must be seen
 * at once.
 */
export async function readList(ctx: RequestContext, upstream: Upstream, route: ListRoute): Promise<Response> {
  if (upstream.lists.ttlMs === 0 || !(await isPullOnly(ctx, upstream, route))) return passThrough(ctx, upstream, route);
  const target = route.path + route.search;
  const key = `${target} ${variantOf(ctx.request.headers.get('accept'))}`;
  const lists = upstream.lists.inRepository(ctx, 'name' in route ? route.name : '');
  const stored = lists.get(key);
  if (stored) {
    ctx.emit({ kind: 'hit' });
    upstream.bodies.hold(ctx, stored.body);
    return listAnswer(ctx, stored);
  }

  ctx.emit({ kind: 'forward', reason: 'miss' });
  const { response, sentAt } = await upstream.origin.send(ctx, target, { method: 'GET', as: 'question' });
  // A stored list has no Content-Encoding, so a coded one is only relayed.
  if (response.status !== 200 || response.headers.has('content-encoding'))
    return relayUnlessStalled(ctx, upstream, response);
  const body = await readBody(response, {
    room: upstream.bodies.room(ctx),
    maxBytes: MAX_LIST_BYTES,
    timeoutMs: upstream.origin.timeoutMs,
  });
  if (!('bytes' in body)) return relayUnlessStalled(ctx, upstream, new Response(body.stream, response));
  const list = { body: body.bytes, headers: headersOf(upstream, ctx.target, response) };
  const isStorable = isFirstHand(response) && (route.kind !== 'referrers' || hasManifests(list));
  if (isStorable) lists.set(key, list, sentAt);
  return listAnswer(ctx, list, callerHeadersOf(ctx, upstream, response));
}

/** The catalog belongs to no repository, so no caller can have a grant for it. */
async function isPullOnly(ctx: RequestContext, upstream: Upstream, route: ListRoute): Promise<boolean> {
  if (route.kind === 'catalog') return upstream.askedAs === 'nobody';
  const access = await new Repository(ctx, upstream, route.name).authorize('GET lists');
  return access.kind === 'granted' && !access.mayPush;
}

function headersOf({ origin }: Upstream, asked: Target, response: Response): List['headers'] {
  const rewritten = rewriteLocation(asked, origin.url, response);
  const headers = LIST_HEADERS.map((name) => [name, rewritten[name] ?? response.headers.get(name)] as const);
  return Object.fromEntries(headers.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

function hasManifests({ body }: List): boolean {
  try {
    const { manifests } = JSON.parse(new TextDecoder().decode(body)) as { manifests?: unknown };
    return Array.isArray(manifests) && manifests.length > 0;
  } catch {
    return false;
  }
}

function listAnswer(ctx: RequestContext, { body, headers }: List, callerHeaders?: CallerHeaders): Response {
  return new Response(trackedBody(ctx, body), {
    headers: {
      ...callerHeaders,
      ...headers,
      'Cache-Control': 'no-transform',
      ...API_VERSION,
      ...decisionHeaders(ctx.events, 200),
    },
  });
}
