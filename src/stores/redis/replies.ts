import type { Pipeline, Redis } from '@upstash/redis/cloudflare';
import { BadRecord } from '../faults.ts';

/** What is read of each of many items, and what it means. */
interface Reading<T, R> {
  commands(all: Pipeline<[]>, item: T): { length(): number };
  /** @throws TypeError what answered is not Redis */
  parse(replies: readonly unknown[]): R;
}

/**
 * Reads the same of each of the items, in one request; for none, nothing is sent.
 * @returns one record for each; one where a key is of another type is bad, and the others are not
 * @throws TypeError what answered is not Redis, or refuses
 */
export async function readEach<T, R>(
  redis: Redis,
  items: readonly T[],
  { commands, parse }: Reading<T, R>,
): Promise<(R | BadRecord)[]> {
  if (items.length === 0) return [];
  const all = redis.pipeline();
  for (const item of items) commands(all, item);
  const count = all.length();
  const replies: readonly Reply[] = parseDone(await all.exec({ keepErrors: true }), count);
  const each = count / items.length;
  return items.map((_, at) => {
    const own = replies.slice(at * each, (at + 1) * each);
    const errors = own.flatMap(({ error }) => error ?? []);
    if (errors.some((error) => !isWrongType(error))) throw new TypeError('Redis refuses');
    if (errors.length > 0) return new BadRecord('a key of another type');
    return parse(own.map(({ result }) => result));
  });
}

interface Reply {
  readonly result?: unknown;
  readonly error?: string;
}

/** Whether Redis refused a command since the key is of another type. */
export function isWrongType(error: unknown): boolean {
  return String(error instanceof Error ? error.message : error).startsWith('WRONGTYPE');
}

/** The replies of a transaction, one to each command. @throws TypeError */
export function parseDone<R = unknown>(replies: unknown, commands: number): readonly R[] {
  const isDone = Array.isArray(replies) && replies.length === commands && !replies.includes(undefined);
  if (!isDone) throw new TypeError('not the replies to a transaction');
  return replies;
}

/** A reply of `count` strings, as to an HMGET; anything else is a fault, never "all absent". */
export function parseStrings(reply: unknown, count: number): readonly (string | null | undefined)[] {
  const fits = (value: unknown) => value === null || typeof value === 'string';
  if (!Array.isArray(reply) || reply.length !== count || !reply.every(fits))
    throw new TypeError('not a list of strings');
  return reply;
}

/**
 * The digest that each of the cleared ones named: something that is not Redis may answer in its place, and a clear that
 * was not done must not look like one.
 * @throws TypeError
 */
export function parseNamed(reply: unknown, count: number): readonly (string | undefined)[] {
  return parseStrings(reply, count).map((text) => text ?? undefined);
}

/** The reply to SCAN or SSCAN. @throws TypeError */
export function parseScan(reply: unknown): { readonly found: readonly string[]; readonly cursor: string | undefined } {
  const [cursor, found]: unknown[] = Array.isArray(reply) ? reply : [];
  const isScan = typeof cursor === 'string' && Array.isArray(found) && found.every((text) => typeof text === 'string');
  if (!isScan) throw new TypeError('not a SCAN reply');
  return { found, cursor: cursor === '0' ? undefined : cursor };
}
