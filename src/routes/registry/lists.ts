import type { RequestContext } from '../../context.ts';
import { readBody } from '../../http/body/readBody.ts';
import { trackedBody } from '../../http/body/trackedBody.ts';
import { rewriteLocation } from '../../http/location.ts';
import type { List } from '../../isolate/lists.ts';
import { variantOf } from '../../oci/mediaTypes.ts';
import type { Route } from '../../oci/route.ts';
import { isFirstHand } from '../../origin/confirmation.ts';
import { decisionHeaders } from '../../telemetry/headers.ts';
import { authorize } from '../../upstream/authorize.ts';
import { type CallerHeaders, callerHeadersOf } from '../../upstream/callerHeaders.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { API_VERSION, relayUnlessStalled } from './answer.ts';
import { passThrough } from './passthrough.ts';

export type ListRoute = Extract<Route, { kind: 'catalog' | 'tags' | 'referrers' }>;

/** A longer list is the origin's to give every time. */
const MAX_LIST_BYTES = 256 * 1024;
/** Beside the body's own length and the API version. */
const OF_THE_LIST = ['content-type', 'link', 'oci-filters-applied'];

/**
 * `GET` of tags, referrers or the catalog: passed through, unless `LIST_TTL` lets callers that only pull have what
 * another of them was given a moment ago. An empty list of referrers is never kept: the first one is always news.
 */
export async function readList(ctx: RequestContext, upstream: Upstream, route: ListRoute): Promise<Response> {
  if (upstream.lists.ttlMs === 0 || !(await onlyPulls(ctx, upstream, route))) return passThrough(ctx, upstream, route);
  const target = route.path + route.search;
  const key = `${target} ${variantOf(ctx.request.headers.get('accept'))}`;
  const lists = upstream.lists.of(ctx, 'name' in route ? route.name : '');
  const known = lists.get(key);
  if (known) {
    ctx.emit({ kind: 'hit' });
    upstream.bodies.hold(ctx, known.body);
    return listAnswer(ctx, known);
  }

  ctx.emit({ kind: 'forward', reason: 'miss' });
  const { response, sentAt } = await upstream.origin.send(ctx, target, { method: 'GET', as: 'question' });
  // A coding is the origin's to explain.
  if (response.status !== 200 || response.headers.has('content-encoding'))
    return relayUnlessStalled(ctx, upstream, response);
  const body = await readBody(response, {
    room: upstream.bodies.room(ctx),
    maxBytes: MAX_LIST_BYTES,
    timeoutMs: upstream.origin.timeoutMs,
  });
  if (!('bytes' in body)) return relayUnlessStalled(ctx, upstream, new Response(body.stream, response));
  const list = { body: body.bytes, headers: headersOf(upstream, ctx.url, response) };
  const isKept = isFirstHand(response) && (route.kind !== 'referrers' || hasManifests(list));
  if (isKept) lists.set(key, list, sentAt);
  return listAnswer(ctx, list, callerHeadersOf(ctx, upstream, response));
}

/** The catalog is of no repository: nobody has a grant there. */
async function onlyPulls(ctx: RequestContext, upstream: Upstream, route: ListRoute): Promise<boolean> {
  if (route.kind === 'catalog') return upstream.readOnly;
  const access = await authorize(ctx, upstream, route.name, 'GET lists');
  return access.kind === 'granted' && !access.mayPush;
}

function headersOf({ origin }: Upstream, edgeUrl: string, response: Response): List['headers'] {
  const moved = rewriteLocation(edgeUrl, origin.url, response);
  const told = OF_THE_LIST.map((name) => [name, moved[name] ?? response.headers.get(name)] as const);
  return Object.fromEntries(told.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

function hasManifests({ body }: List): boolean {
  try {
    const { manifests } = JSON.parse(new TextDecoder().decode(body)) as { manifests?: unknown };
    return Array.isArray(manifests) && manifests.length > 0;
  } catch {
    return false;
  }
}

function listAnswer(ctx: RequestContext, { body, headers }: List, said?: CallerHeaders): Response {
  return new Response(trackedBody(ctx, body), {
    headers: {
      ...said,
      ...headers,
      'Cache-Control': 'no-transform',
      ...API_VERSION,
      ...decisionHeaders(ctx.events, 200),
    },
  });
}
