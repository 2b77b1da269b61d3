import type { RequestContext } from '../context.ts';
import type { ForwardedBody } from '../http/body/forwardBody.ts';
import { RegistryError } from '../oci/errors.ts';
import type { OriginResponse } from './origin.ts';

/** One request. */
export interface Exchange {
  readonly method: string;
  readonly headers: Headers;
  readonly sent?: ForwardedBody | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Whether a request uploads content. An upload, and its commit, may take as long as the client and the registry's
 * storage need, and ends when the client leaves. The POST that opens a session carries no content.
 * @param client the headers of the client's request
 */
export function carriesContent({ method, sent }: Exchange, client: Headers): boolean {
  if (method === 'PUT' || method === 'PATCH') return true;
  return method === 'POST' && sent !== undefined && client.get('content-length') !== '0';
}

/** Sends one request to the origin. @throws RegistryError ORIGIN_UNREACHABLE */
export type SendOnce = (request: Exchange) => Promise<OriginResponse>;

/** Whether a request can be sent more than once: a stream can be read only once, but an empty one is not missed. */
export function isRepeatable({ sent, headers }: Exchange): boolean {
  return !sent || headers.get('content-length') === '0';
}

/** Sends the body of a repeatable request with the first exchange only. */
export function sendingBodyOnce(sendOnce: SendOnce): SendOnce {
  let isSent = false;
  return (request) => {
    const ready = isSent ? { ...request, sent: undefined } : request;
    isSent = true;
    return sendOnce(ready);
  };
}

/**
 * Sends one request and waits for the headers of its answer. The platform's cache is bypassed, and redirects are
 * returned: if the platform followed them, it would send Cookie and custom headers to another host.
 * @throws RegistryError ORIGIN_UNREACHABLE; REQUEST_INVALID: the client's body broke off, or the client left before all
 *   of it was sent
 */
export async function exchange(ctx: RequestContext, url: string, request: Exchange): Promise<OriginResponse> {
  const { method, headers, sent, signal } = request;
  const sentAt = ctx.now();
  const emit = (outcome: number | 'unreachable') =>
    ctx.emit({ kind: 'origin', method, outcome, ms: ctx.now() - sentAt });
  const abortable = sent && abortWith(sent, signal);
  try {
    const response = await fetch(url, {
      ...{ method, headers, body: sent?.body ?? null },
      signal: abortable?.signal ?? signal ?? null,
      redirect: 'manual',
      cache: 'no-store',
    });
    emit(response.status);
    if (!isFinal(response.status)) throw new RangeError('the status is not that of a final answer');
    return { response, sentAt };
  } catch (cause) {
    if (sent && (sent.brokenOff.aborted || ctx.signal.aborted)) {
      throw new RegistryError('REQUEST_INVALID', {
        message: 'the body broke off: send the complete body again',
        cause,
      });
    }
    emit('unreachable');
    throw new RegistryError('ORIGIN_UNREACHABLE', { cause });
  } finally {
    abortable?.release();
  }
}

/**
 * Aborts a request when its body breaks off, until `release` is called: once there is an answer, it is read even if no
 * more of the body comes.
 */
function abortWith({ brokenOff }: ForwardedBody, signal: AbortSignal | undefined) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  brokenOff.addEventListener('abort', abort);
  return {
    signal: signal ? AbortSignal.any([controller.signal, signal]) : controller.signal,
    release: () => brokenOff.removeEventListener('abort', abort),
  };
}

/** RFC 9110 §15: a response with any other status cannot be relayed. */
function isFinal(status: number): boolean {
  return status >= 200 && status <= 599;
}

/**
 * Limits the wait for headers. Unlike `AbortSignal.timeout` it can be stopped once they have arrived, so that a long
 * body is not cut off.
 * @param ms absent: no limit
 * @param cancelled aborts the signal too, even after `stop`
 */
export function headerTimeout(ms?: number, cancelled?: AbortSignal): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort(new DOMException('the headers did not arrive in time', 'TimeoutError'));
  const timer = ms === undefined ? undefined : setTimeout(abort, ms);
  const signal = cancelled ? AbortSignal.any([controller.signal, cancelled]) : controller.signal;
  return { signal, stop: () => timer !== undefined && clearTimeout(timer) };
}
