import type { RequestContext } from '../../context.ts';
import { readBody } from '../../http/body/readBody.ts';
import { isReadMethod } from '../../http/methods.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import { isFirstHand } from '../../origin/confirmation.ts';
import { decisionHeaders } from '../../telemetry/headers.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { API_VERSION } from './answer.ts';
import { corsHeaders, isFromScript } from './cors.ts';
import { passThrough } from './passthrough.ts';
import { relayUnlessStalled } from './relay.ts';

const NO_TRANSFORM = { 'Cache-Control': 'no-transform' };

/**
 * Answers `GET /v2/`: whether this is a registry, and whether the caller may use it. The origin decides, and answers
 * `/v2` in its own way (301, 404). An open mirror needs no credential, so it answers both paths with yes itself; what
 * scripts may read of that is still the origin's policy.
 */
export async function answerBase(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  if (upstream.askedAs === 'caller')
    return isSameForAll(ctx, route) ? answerAll(ctx, upstream, route) : passThrough(ctx, upstream, route);
  return answerYes(isFromScript(ctx) ? await fetchCorsHeaders(ctx, upstream, route) : {});
}

/**
 * Answers `/v2/` on a host that several upstreams share: only mirrors that need no credential share one.
 * @throws RegistryError UNSUPPORTED: it is no GET or HEAD
 */
export function answerShared({ method }: RequestContext): Response {
  if (!isReadMethod(method)) throw new RegistryError('UNSUPPORTED');
  return answerYes();
}

function answerYes(cors: Record<string, string> = {}): Response {
  return new Response('{}', {
    headers: { ...cors, 'Content-Type': 'application/json', ...NO_TRANSFORM, ...API_VERSION },
  });
}

/** A longer answer is not remembered. */
const MAX_BYTES = 4_096;
const REMEMBERED_HEADERS = ['content-type', 'docker-distribution-api-version', 'www-authenticate'];
/** Other challenges, such as Digest, are for one request, also where they follow such a one in the same header. */
const LASTING_CHALLENGE = /^(?:basic|bearer)\b(?!.*\b(?:digest|negotiate|ntlm|nonce)\b)/i;

/** Whether nothing in the question tells one caller from another. */
function isSameForAll(ctx: RequestContext, { search }: Route): boolean {
  return ctx.method === 'GET' && ctx.caller === '' && search === '' && !isFromScript(ctx);
}

/**
 * Answers everybody without a credential as the origin answered one of them within the last minute: yes, or how to log
 * in. That proves nothing to anybody.
 */
async function answerAll(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  const known = upstream.baseAnswers.get(ctx, route.path);
  if (known) {
    ctx.emit({ kind: 'hit' });
    const decisions = decisionHeaders(ctx.events, known.status);
    return new Response(known.body, {
      status: known.status,
      headers: { ...known.headers, ...NO_TRANSFORM, ...decisions },
    });
  }
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const { response } = await upstream.origin.send(ctx, route.path, { method: 'GET', signal: ctx.signal });
  if (!isLasting(response)) return relayUnlessStalled(ctx, upstream, response);
  const body = await readBody(response, {
    room: upstream.bodies.room(ctx),
    maxBytes: MAX_BYTES,
    timeoutMs: upstream.origin.timeoutMs,
  });
  if (!('bytes' in body)) return relayUnlessStalled(ctx, upstream, new Response(body.stream, response));
  const answer = await relayUnlessStalled(ctx, upstream, new Response(body.bytes, response));
  const headers = REMEMBERED_HEADERS.flatMap((name) => {
    const value = answer.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  upstream.baseAnswers.set(ctx, route.path, {
    status: answer.status,
    headers: Object.fromEntries(headers),
    body: body.bytes,
  });
  return answer;
}

function isLasting(response: Response): boolean {
  const { status, headers } = response;
  const isChallenge = status === 401 && LASTING_CHALLENGE.test(headers.get('www-authenticate') ?? '');
  const isPlain = !headers.has('set-cookie') && !headers.has('content-encoding');
  return (status === 200 || isChallenge) && isPlain && isFirstHand(response);
}

/** Returns no headers where the origin is unreachable: the mirror's answer does not depend on it. */
async function fetchCorsHeaders(
  ctx: RequestContext,
  { origin }: Upstream,
  { path }: Route,
): Promise<Record<string, string>> {
  try {
    const { response } = await origin.send(ctx, path, { method: 'GET', signal: ctx.signal });
    ctx.waitUntil(response.body?.cancel() ?? Promise.resolve());
    return corsHeaders(response);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'ORIGIN_UNREACHABLE') return {};
    throw error;
  }
}
