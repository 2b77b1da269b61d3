import type { RequestContext } from '../context.ts';
import type { Budget } from '../http/body/budget.ts';
import type { ForwardedBody } from '../http/body/forwardBody.ts';
import { pickHeaders, requestHeaders } from '../http/headers.ts';
import { isRedirect } from '../http/redirects.ts';
import { type Exchange, exchange, headerTimeout } from './exchange.ts';
import { followRedirects } from './followRedirects.ts';
import { createLoopGuard } from './loop.ts';
import { getManifest, statManifest } from './manifests.ts';
import type { Origin, OriginResponse } from './origin.ts';
import type { RedirectPolicy } from './redirect.ts';
import { statBlob } from './statBlob.ts';
import { createTraits } from './traits.ts';

export interface OriginOptions {
  /** Base URL; `/v2/…` is appended to its path. */
  readonly url: URL;
  /** `ORIGIN_TIMEOUT`: until the headers of an answer, in ms. */
  readonly timeoutMs: number;
  /** `REDIRECT_HOSTS` */
  readonly redirectHosts: readonly string[] | undefined;
  /** What is held of manifests. */
  readonly bodies: Budget;
  /** Whether the caller's credentials are sent along. */
  readonly identity: boolean;
}

/**
 * Content takes as long to upload, and to commit, as the client and the registry's storage need; what ends that is the
 * client's leaving. Opening a session carries none.
 */
function carriesContent(method: string, headers: Headers, sent: ForwardedBody | undefined): boolean {
  if (method === 'PUT' || method === 'PATCH') return true;
  return method === 'POST' && sent !== undefined && headers.get('content-length') !== '0';
}

export function createOrigin({ url, timeoutMs, redirectHosts, bodies, identity }: OriginOptions): Origin {
  const base = url.href.replace(/\/$/, '');
  const traits = createTraits();
  const redirects: RedirectPolicy = { origin: url, hosts: redirectHosts };
  const loop = createLoopGuard(url, identity);

  /** @throws RegistryError LOOP_DETECTED */
  function marked(ctx: RequestContext, headers: Headers): Headers {
    try {
      headers.set('cdn-loop', loop.mark(ctx.request.headers));
    } catch (error) {
      ctx.log.error('ORIGIN_URL leads back to this edge');
      throw error;
    }
    return headers;
  }

  /** @param waitMs for the headers; without it, as long as it takes */
  async function bounded(ctx: RequestContext, at: string, request: Exchange, waitMs?: number): Promise<OriginResponse> {
    const limit = headerTimeout(waitMs, request.signal);
    try {
      return await exchange(ctx, at, { ...request, signal: limit.signal });
    } finally {
      limit.stop();
    }
  }

  const send: Origin['send'] = async (ctx, target, request) => {
    const { method, sent, as = 'relay', accept, only, without = [], signal } = request;
    const client = ctx.request.headers;
    const headers = marked(ctx, only ? pickHeaders(client, only) : requestHeaders(client, { identity, for: as }));
    for (const name of without) headers.delete(name);
    if (accept !== undefined) headers.set('accept', accept);
    const waitMs = carriesContent(method, client, sent) ? undefined : timeoutMs;
    return bounded(ctx, base + target, { method, headers, sent, signal }, waitMs);
  };

  return {
    url,
    timeoutMs,
    traits,
    send,
    async getBlob(ctx, target, { without, follows, signal }) {
      const accept = identity ? undefined : '*/*';
      const answered = await send(ctx, target, { method: 'GET', accept, without, signal });
      const first = answered.response;
      traits.noteBlob('GET', first, true);
      if (!follows || !isRedirect(first)) return { ...answered, first, isDirect: true };
      const range = without.includes('range') ? null : ctx.request.headers.get('range');
      const follow = (at: URL, headers: Headers) =>
        bounded(ctx, at.href, { method: 'GET', headers, signal }, timeoutMs);
      const response = await followRedirects(first, new URL(base + target), { redirects, range, follow });
      traits.noteBlob('GET', response, false);
      return { response, sentAt: answered.sentAt, first, isDirect: response === first };
    },
    async statManifest(ctx, target, reference, signal) {
      const stat = await statManifest(() => send(ctx, target, { method: 'HEAD', as: 'question', signal }), reference);
      traits.noteManifest(stat.response);
      return stat;
    },
    getManifest: (ctx, target, reference, signal) =>
      getManifest(ctx, () => send(ctx, target, { method: 'GET', as: 'question', signal }), reference, {
        room: bodies.room(ctx),
        timeoutMs,
      }),
    async statBlob(ctx, { path, search, digest }, cancelled) {
      const headers = marked(ctx, requestHeaders(ctx.request.headers, { identity, for: 'question' }));
      // A blob is what it is, whatever the client takes: an origin that repeats the Accept would tell its type by it.
      headers.set('accept', '*/*');
      // One limit for all the steps. The client's leaving ends none of them: others may wait for the answer.
      const limit = headerTimeout(timeoutMs, cancelled);
      try {
        return await statBlob({
          url: new URL(base + path + search),
          digest,
          headers,
          redirects,
          async exchange(method, at, sent) {
            const answered = await exchange(ctx, at.href, { method, headers: sent, signal: limit.signal });
            traits.noteBlob(method, answered.response, at.host === url.host);
            return answered;
          },
        });
      } finally {
        limit.stop();
      }
    },
  };
}
