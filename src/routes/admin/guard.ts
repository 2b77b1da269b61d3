import { timingSafeEqual } from 'hono/utils/buffer';
import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';

/**
 * Lets nobody in but who shows the token that guards one of the edge's own paths, and only with one of its methods.
 * @param token without one the path is not there
 * @throws RegistryError NAME_UNKNOWN, UNAUTHORIZED, UNSUPPORTED
 */
export async function guard(ctx: RequestContext, token: string | undefined, methods: readonly string[]): Promise<void> {
  if (token === undefined) throw new RegistryError('NAME_UNKNOWN');
  const [, given = ''] = /^Bearer +(.+)$/i.exec(ctx.request.headers.get('authorization') ?? '') ?? [];
  // In constant time: hashes of one length are compared, whatever was sent.
  if (!(await timingSafeEqual(given, token))) throw new RegistryError('UNAUTHORIZED');
  if (!methods.includes(ctx.method)) throw new RegistryError('UNSUPPORTED', { headers: { Allow: methods.join(', ') } });
}

/** Whatever goes wrong in the work is the store's. @throws RegistryError UNAVAILABLE */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('UNAVAILABLE', { message: 'the store does not answer', cause });
  }
}

/** An answer of the edge's own. */
export function answerJson(ctx: RequestContext, value: unknown): Response {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  return new Response(ctx.method === 'HEAD' ? null : `${JSON.stringify(value)}\n`, { headers });
}
