import type { Pipeline, Redis } from '@upstash/redis/cloudflare';
import { BadRecord } from '../faults.ts';

/** The commands that read one item, and how to parse their replies. */
interface Reading<T, R> {
  commands(pipeline: Pipeline<[]>, item: T): { length(): number };
  /** @throws TypeError the replies are not those of Redis */
  parse(replies: readonly unknown[]): R;
}

/**
 * Reads many items, and at least one, with one request.
 * @returns the parsed value of each item, or a `BadRecord` if one of its keys has another type
 * @throws TypeError the replies are not those of Redis, or Redis rejected a command
 */
export async function readEach<T, R>(
  redis: Promise<Redis>,
  items: readonly T[],
  { commands, parse }: Reading<T, R>,
): Promise<(R | BadRecord)[]> {
  const pipeline = (await redis).pipeline();
  for (const item of items) commands(pipeline, item);
  const count = pipeline.length();
  const replies: readonly Reply[] = parseTransaction(await pipeline.exec({ keepErrors: true }), count);
  const perItem = count / items.length;
  return items.map((_, at) => {
    const itemReplies = replies.slice(at * perItem, (at + 1) * perItem);
    const errors = itemReplies.flatMap(({ error }) => error ?? []);
    if (errors.some((error) => !isWrongType(error))) throw new TypeError('Redis rejected a command');
    if (errors.length > 0) return new BadRecord('the key has another type');
    return parse(itemReplies.map(({ result }) => result));
  });
}

interface Reply {
  readonly result?: unknown;
  readonly error?: string;
}

/** Whether Redis rejected a command because the key has another type. */
export function isWrongType(error: unknown): boolean {
  return String(error instanceof Error ? error.message : error).startsWith('WRONGTYPE');
}

/** Checks the replies to a transaction or pipeline: one to each command. @throws TypeError */
export function parseTransaction<R = unknown>(replies: unknown, commands: number): readonly R[] {
  const isDone = Array.isArray(replies) && replies.length === commands && !replies.includes(undefined);
  if (!isDone) throw new TypeError('invalid replies to a transaction');
  return replies;
}

/**
 * Checks a reply of `count` strings, such as that to HMGET. Anything else is a fault, never "all absent".
 * @throws TypeError
 */
export function parseStrings(reply: unknown, count: number): readonly (string | null | undefined)[] {
  const fits = (value: unknown) => value === null || typeof value === 'string';
  if (!Array.isArray(reply) || reply.length !== count || !reply.every(fits))
    throw new TypeError('invalid reply: expected a list of strings');
  return reply;
}

/**
 * Returns the digest that each cleared entry named. The reply is checked because something other than Redis may have
 * answered, and a clear that did not happen must not look as if it had.
 * @throws TypeError
 */
export function parseNamedDigests(reply: unknown, count: number): readonly (string | undefined)[] {
  return parseStrings(reply, count).map((text) => text ?? undefined);
}

/** Parses the reply to SCAN or SSCAN. @throws TypeError */
export function parseScan(reply: unknown): { readonly found: readonly string[]; readonly cursor: string | undefined } {
  const [cursor, found]: unknown[] = Array.isArray(reply) ? reply : [];
  const isScan = typeof cursor === 'string' && Array.isArray(found) && found.every((text) => typeof text === 'string');
  if (!isScan) throw new TypeError('invalid reply to SCAN');
  return { found, cursor: cursor === '0' ? undefined : cursor };
}
