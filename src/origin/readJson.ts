import type { RequestContext } from '../context.ts';
import type { Budget } from '../http/body/budget.ts';
import { readBody } from '../http/body/readBody.ts';

/** How the short answer of a server other than the origin is read. */
export interface JsonLimits {
  /** Holds the answer. */
  readonly bodies: Budget;
  /** For the whole answer. */
  readonly timeoutMs: number;
}

const MAX_BYTES = 64 * 1024;

/** Reads an object in JSON of at most 64 KiB. @throws Error: it is longer, there is no room, or it is none */
export async function readJson(
  ctx: RequestContext,
  answer: Response,
  { bodies, timeoutMs }: JsonLimits,
): Promise<Record<string, unknown>> {
  const body = await readBody(answer, { room: bodies.room(ctx), maxBytes: MAX_BYTES, timeoutMs });
  if ('bytes' in body) return JSON.parse(new TextDecoder().decode(body.bytes)) as Record<string, unknown>;
  await body.stream.cancel();
  throw new Error('the answer is too long, or there is no room for it');
}
