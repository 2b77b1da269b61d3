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
function isUpload(method: string, body: ReadableStream | null): boolean {
  return method === 'PUT' || method === 'PATCH' || (method === 'POST' && body !== null);
}

export function createOrigin({ url, timeoutMs, redirectHosts, identity }: OriginOptions): Origin {
  const base = url.href.replace(/\/$/, '');
  const redirects: RedirectPolicy = { origin: url, hosts: redirectHosts };

  return {
    url,
    async send(ctx, target, { method, body }) {
      const headers = requestHeaders(ctx.request.headers, { identity, for: 'relay' });
      const limit = isUpload(method, body) ? undefined : headerTimeout(timeoutMs);
      const signal = limit ? AbortSignal.any([limit.signal, ctx.signal]) : ctx.signal;
      try {
        return await exchange(ctx, base + target, { method, headers, body, signal });
      } finally {
        limit?.stop();
      }
    },
    async statBlob(ctx, name, digest, cancelled) {
      const headers = requestHeaders(ctx.request.headers, { identity, for: 'question' });
      // One limit for all the steps. The client's leaving ends none of them: others may wait for the answer.
      const limit = headerTimeout(timeoutMs);
      const signal = cancelled ? AbortSignal.any([limit.signal, cancelled]) : limit.signal;
      try {
        return await statBlob({
          url: new URL(`${base}/v2/${name}/blobs/${digest}`),
          digest,
          headers,
          redirects,
          exchange: (method, at, sent) => exchange(ctx, at.href, { method, headers: sent, signal }),
        });
      } finally {
        limit.stop();
      }
    },
  };
}
