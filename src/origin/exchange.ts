import type { RequestContext } from '../context.ts';
import { RegistryError } from '../oci/errors.ts';
import type { OriginResponse } from './origin.ts';

export interface Exchange {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: ReadableStream | null;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One request and the headers of its answer. Never from the platform's cache, and a redirect is an answer like any
 * other: followed by the platform, it would carry Cookie and custom headers to another host.
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export async function exchange(ctx: RequestContext, url: string, request: Exchange): Promise<OriginResponse> {
  const sentAt = ctx.now();
  const tell = (outcome: number | 'unreachable') =>
    ctx.emit({ kind: 'origin', method: request.method, outcome, ms: ctx.now() - sentAt });
  try {
    const response = await fetch(url, {
      ...request,
      signal: request.signal ?? null,
      redirect: 'manual',
      cache: 'no-store',
    });
    tell(response.status);
    if (!isFinal(response.status)) throw new RangeError('no status of a final answer');
    return { response, sentAt };
  } catch (cause) {
    tell('unreachable');
    throw new RegistryError('ORIGIN_UNREACHABLE', { cause });
  }
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
