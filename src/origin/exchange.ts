import type { RequestContext } from '../context.ts';
import type { ForwardedBody } from '../http/body/forwardBody.ts';
import { RegistryError } from '../oci/errors.ts';
import type { OriginResponse } from './origin.ts';

export interface Exchange {
  readonly method: string;
  readonly headers: Headers;
  readonly sent?: ForwardedBody | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One request and the headers of its answer. Never from the platform's cache, and a redirect is an answer like any
 * other: followed by the platform, it would carry Cookie and custom headers to another host.
 * @throws RegistryError ORIGIN_UNREACHABLE; REQUEST_INVALID: the client's body broke off, or the
 *   client left before it had gone
 */
export async function exchange(ctx: RequestContext, url: string, request: Exchange): Promise<OriginResponse> {
  const { method, headers, sent, signal } = request;
  const sentAt = ctx.now();
  const tell = (outcome: number | 'unreachable') =>
    ctx.emit({ kind: 'origin', method, outcome, ms: ctx.now() - sentAt });
  const ending = sent && endingWith(sent, signal);
  try {
    const response = await fetch(url, {
      ...{ method, headers, body: sent?.body ?? null },
      signal: ending?.signal ?? signal ?? null,
      redirect: 'manual',
      cache: 'no-store',
    });
    tell(response.status);
    if (!isFinal(response.status)) throw new RangeError('no status of a final answer');
    return { response, sentAt };
  } catch (cause) {
    if (sent && (sent.brokenOff.aborted || ctx.signal.aborted)) {
      throw new RegistryError('REQUEST_INVALID', { message: 'the body broke off: send it again, whole', cause });
    }
    tell('unreachable');
    throw new RegistryError('ORIGIN_UNREACHABLE', { cause });
  } finally {
    ending?.release();
  }
}

/** Ends a request when its body breaks off, until it is answered: the answer is read also where no more of the body comes. */
function endingWith({ brokenOff }: ForwardedBody, signal: AbortSignal | undefined) {
  const end = new AbortController();
  const giveUp = () => end.abort();
  brokenOff.addEventListener('abort', giveUp);
  return {
    signal: signal ? AbortSignal.any([end.signal, signal]) : end.signal,
    release: () => brokenOff.removeEventListener('abort', giveUp),
  };
}

/** RFC 9110 §15: what cannot be relayed is no answer. */
function isFinal(status: number): boolean {
  return status >= 200 && status <= 599;
}

/**
 * Limits a wait for headers: unlike `AbortSignal.timeout`, it can be stopped once they are there, so that a long body is
 * not cut off.
 * @param ms absent: no limit
 * @param cancelled aborts as well, also after `stop`
 */
export function headerTimeout(ms?: number, cancelled?: AbortSignal): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const giveUp = () => controller.abort(new DOMException('no headers in time', 'TimeoutError'));
  const timer = ms === undefined ? undefined : setTimeout(giveUp, ms);
  const signal = cancelled ? AbortSignal.any([controller.signal, cancelled]) : controller.signal;
  return { signal, stop: () => timer !== undefined && clearTimeout(timer) };
}
