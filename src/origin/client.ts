import type { RequestContext } from '../context.ts';
import type { Budget } from '../http/body/budget.ts';
import { pickHeaders, requestHeaders, withTrace } from '../http/headers.ts';
import type { AskedAs } from '../http/identity.ts';
import { isSafeMethod } from '../http/methods.ts';
import { isRedirect } from '../http/redirects.ts';
import { examineStorage, isExaminable } from './examineStorage.ts';
import { carriesContent, type Exchange, exchange, headerTimeout } from './exchange.ts';
import { followRedirects } from './followRedirects.ts';
import type { Handshake } from './handshake.ts';
import { createLoopGuard } from './loop.ts';
import { followManifest } from './manifestRedirects.ts';
import { getManifest, statManifest } from './manifests.ts';
import type { Origin, OriginRequest, OriginResponse } from './origin.ts';
import { anonymousHeaders, type RedirectPolicy } from './redirect.ts';
import { statBlob } from './statBlob.ts';
import { judgeStorage, type StorageKnowledge } from './storage.ts';
import { createStoragePlaces } from './storagePlaces.ts';
import { createTraits } from './traits.ts';

export interface OriginOptions {
  /** Base URL; `/v2/…` is appended to its path. */
  readonly url: URL;
  /** `ORIGIN_TIMEOUT` in ms: how long an answer's headers may take. */
  readonly timeoutMs: number;
  /** `REDIRECT_HOSTS` */
  readonly redirectHosts: readonly string[] | undefined;
  /** The budget that holds manifests. */
  readonly bodies: Budget;
  readonly askedAs: AskedAs;
  readonly handshake: Handshake;
}

export function createOrigin({ url, timeoutMs, redirectHosts, bodies, askedAs, handshake }: OriginOptions): Origin {
  const base = url.href.replace(/\/$/, '');
  const traits = createTraits();
  const redirects: RedirectPolicy = { origin: url, hosts: redirectHosts };
  const places = createStoragePlaces();
  const loop = createLoopGuard(url, askedAs);
  /** A redirect's target gets nothing of the client's own, whoever judges the client. */
  const redirectLoop = createLoopGuard(url, 'nobody');

  /** @throws RegistryError LOOP_DETECTED */
  function markOf(ctx: RequestContext): string {
    try {
      return loop.mark(ctx.request.headers);
    } catch (error) {
      ctx.log.error('ORIGIN_URL leads back to this edge: set it to the address of the registry itself');
      throw error;
    }
  }

  /** Adds this edge's mark, and its place in the client's trace. @throws RegistryError LOOP_DETECTED */
  function markHeaders(ctx: RequestContext, headers: Headers): Headers {
    headers.set('cdn-loop', markOf(ctx));
    return withTrace(headers, ctx.trace, askedAs);
  }

  /** Adds this edge's mark for a redirect's target, which may be this edge. */
  function markRedirected(ctx: RequestContext, headers: Headers): Headers {
    headers.set('cdn-loop', redirectLoop.mark(ctx.request.headers));
    return headers;
  }

  /** @param waitMs for the headers; absent: no limit */
  async function exchangeWithin(
    ctx: RequestContext,
    href: string,
    request: Exchange,
    waitMs?: number,
  ): Promise<OriginResponse> {
    const limit = headerTimeout(waitMs, request.signal);
    try {
      return await exchange(ctx, href, { ...request, signal: limit.signal });
    } finally {
      limit.stop();
    }
  }

  /** Returns what is known of the origin's storage now. */
  function storageAt(ctx: RequestContext): StorageKnowledge {
    return { redirects, isProven: (place) => places.isProven(place, ctx.now()) };
  }

  const send: Origin['send'] = async (ctx, target, request) => {
    const { method, sent, as = 'relay', accept, onlyHeaders, omitHeaders = [], contentType, signal } = request;
    const client = ctx.request.headers;
    const headers = markHeaders(
      ctx,
      onlyHeaders
        ? pickHeaders(client, onlyHeaders)
        : requestHeaders(client, { askedAs, for: isSafeMethod(method) ? as : 'write' }),
    );
    for (const name of omitHeaders) headers.delete(name);
    if (accept !== undefined) headers.set('accept', accept);
    if (contentType !== undefined) headers.set('content-type', contentType);
    // Before a body, the handshake may send requests of its own.
    const waitMs = (ready: Exchange) => (carriesContent(ready, client) ? undefined : timeoutMs);
    return handshake.send(ctx, target, { method, headers, sent, signal }, (ready) =>
      exchangeWithin(ctx, base + target, ready, waitMs(ready)),
    );
  };

  /** Asks for a manifest; an open mirror follows redirects to it. */
  async function askManifest(
    ctx: RequestContext,
    method: 'HEAD' | 'GET',
    target: string,
    { accept, signal }: Pick<OriginRequest, 'accept' | 'signal'>,
  ): Promise<OriginResponse> {
    const answer = await send(ctx, target, { method, as: 'question', accept, signal });
    if (askedAs === 'caller' || !isRedirect(answer.response)) return answer;
    const headers = markRedirected(ctx, requestHeaders(ctx.request.headers, { askedAs, for: 'question' }));
    if (accept !== undefined) headers.set('accept', accept);
    const follow = (to: URL) => exchangeWithin(ctx, to.href, { method, headers, signal }, timeoutMs);
    return followManifest(answer, new URL(base + target), { redirects, follow });
  }

  return {
    url,
    timeoutMs,
    traits,
    refuseLoop: markOf,
    send,
    async getBlob(ctx, target, { digest, omitHeaders, follows, signal }) {
      const accept = askedAs === 'caller' ? undefined : '*/*';
      const { response: first, sentAt } = await send(ctx, target, {
        method: 'GET',
        accept,
        omitHeaders,
        signal,
      });
      traits.noteBlob('GET', first, true);
      if (!follows || !isRedirect(first)) return { response: first, sentAt, first, isDirect: true };
      const range = omitHeaders.includes('range') ? null : ctx.request.headers.get('range');
      const follow = (to: URL, headers: Headers) =>
        exchangeWithin(ctx, to.href, { method: 'GET', headers: markRedirected(ctx, headers), signal }, timeoutMs);
      const { response, trail } = await followRedirects(first, new URL(base + target), { redirects, range, follow });
      traits.noteBlob('GET', response, false);
      const storage = digest && judgeStorage(trail, digest, storageAt(ctx));
      return { response, sentAt, first, isDirect: response === first, ...storage };
    },
    async statManifest(ctx, target, request) {
      const stat = await statManifest(() => askManifest(ctx, 'HEAD', target, request), request.reference);
      traits.noteManifest(stat.response);
      return stat;
    },
    getManifest: (ctx, target, reference, signal) =>
      getManifest(ctx, () => askManifest(ctx, 'GET', target, { signal }), reference, {
        room: bodies.room(ctx),
        timeoutMs,
      }),
    async statBlob(ctx, { path, search, digest }, cancelled) {
      const headers = markHeaders(ctx, requestHeaders(ctx.request.headers, { askedAs, for: 'question' }));
      // An origin that repeats the Accept as the media type would otherwise answer with the client's.
      headers.set('accept', '*/*');
      // One limit covers all steps. They go on when the client leaves, since other requests may wait for the answer.
      const limit = headerTimeout(timeoutMs, cancelled);
      try {
        const asked = new URL(base + path + search);
        return await statBlob({
          ...{ url: asked, digest, headers, ...storageAt(ctx) },
          async exchange(method, to, sent) {
            // A redirect's target gets no token, even on the origin's own host.
            const isOwn = to.href === asked.href;
            const request = { method, headers: isOwn ? sent : markRedirected(ctx, sent), signal: limit.signal };
            const sendOnce = (ready: Exchange) => exchange(ctx, to.href, ready);
            const answer = await (isOwn ? handshake.send(ctx, path + search, request, sendOnce) : sendOnce(request));
            traits.noteBlob(method, answer.response, to.host === url.host);
            return answer;
          },
        });
      } finally {
        limit.stop();
      }
    },
    async examineStorage(ctx, { path, search, digest, size, place }) {
      if (!isExaminable(size) || !places.reserve(place, ctx.now())) return undefined;
      const room = bodies.room(ctx);
      const examined = await examineStorage({
        ...{ url: new URL(base + path + search), digest, size, place, redirects, room, timeoutMs },
        async ask(method, asked) {
          const target = path.replace(digest, asked) + search;
          const answer = await send(ctx, target, { method, as: 'question', accept: '*/*' });
          await answer.response.body?.cancel();
          return answer;
        },
        follow: ({ href }) =>
          exchangeWithin(ctx, href, { method: 'GET', headers: markRedirected(ctx, anonymousHeaders()) }, timeoutMs),
      });
      if (examined?.isStorage) places.note(place, ctx.now());
      return examined;
    },
  };
}
