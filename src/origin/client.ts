import { exchange, headerTimeout } from './exchange.ts';
import { requestHeaders } from './headers.ts';
import type { Origin } from './origin.ts';
import type { RedirectPolicy } from './redirect.ts';
import { statBlob } from './statBlob.ts';

export interface OriginOptions {
  /** Base URL; `/v2/…` is appended to its path. */
  readonly url: URL;
  /** `ORIGIN_TIMEOUT`: until the headers of an answer, in ms. */
  readonly timeoutMs: number;
  /** `REDIRECT_HOSTS` */
  readonly redirectHosts: readonly string[] | undefined;
  /** Whether the caller's credentials are sent along. */
  readonly identity: boolean;
}

/**
 * Content takes as long to upload, and to commit, as the client and the registry's storage need; what ends that is the
 * client's leaving. Opening a session carries none.
 */
function carriesContent(method: string, headers: Headers, body: ReadableStream | null): boolean {
  if (method === 'PUT' || method === 'PATCH') return true;
  return method === 'POST' && body !== null && headers.get('content-length') !== '0';
}

export function createOrigin({ url, timeoutMs, redirectHosts, identity }: OriginOptions): Origin {
  const base = url.href.replace(/\/$/, '');
  const redirects: RedirectPolicy = { origin: url, hosts: redirectHosts };

  return {
    url,
    timeoutMs,
    async send(ctx, target, { method, body, signal: cancelled }) {
      const headers = requestHeaders(ctx.request.headers, { identity, for: 'relay' });
      const isBounded = !carriesContent(method, ctx.request.headers, body);
      const limit = headerTimeout(isBounded ? timeoutMs : undefined, cancelled);
      try {
        return await exchange(ctx, base + target, { method, headers, body, signal: limit.signal });
      } finally {
        limit.stop();
      }
    },
    async statBlob(ctx, name, digest, cancelled) {
      const headers = requestHeaders(ctx.request.headers, { identity, for: 'question' });
      // One limit for all the steps. The client's leaving ends none of them: others may wait for the answer.
      const limit = headerTimeout(timeoutMs, cancelled);
      try {
        return await statBlob({
          url: new URL(`${base}/v2/${name}/blobs/${digest}`),
          digest,
          headers,
          redirects,
          exchange: (method, at, sent) => exchange(ctx, at.href, { method, headers: sent, signal: limit.signal }),
        });
      } finally {
        limit.stop();
      }
    },
  };
}
