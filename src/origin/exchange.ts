import type { RequestContext } from '../context.ts';
import { RegistryError } from '../oci/errors.ts';
import type { OriginResponse } from './origin.ts';

export interface Exchange {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: ReadableStream | null;
  readonly signal?: AbortSignal;
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
    const response = await fetch(url, { ...request, redirect: 'manual', cache: 'no-store' });
    tell(response.status);
    return { response, sentAt };
  } catch (cause) {
    tell('unreachable');
    throw new RegistryError('ORIGIN_UNREACHABLE', { cause });
  }
}

/**
 * Limits a wait for headers: unlike `AbortSignal.timeout`, it can be stopped once they are there, so that a long body
 * is not cut off.
 */
export function headerTimeout(ms: number): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException('no headers in time', 'TimeoutError')), ms);
  return { signal: controller.signal, stop: () => clearTimeout(timer) };
}
