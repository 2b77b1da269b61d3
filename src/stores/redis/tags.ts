import type { Redis } from '@upstash/redis/cloudflare';
import { LRUCache } from 'lru-cache';
import { type Digest, isDigest, parseDigest } from '../../oci/digest.ts';
import { asCacheFault, BadRecord, CacheFault, tryParse, unwrap } from '../faults.ts';
import type { StoreOptions } from '../options.ts';
import type { TagOptions, TagPointer, Tags } from '../tags.ts';
import { CLOCK_SKEW_MS, type Clearing, clearingAhead, clearingUpTo, isAlive } from '../tombstone.ts';
import { parseNumber, sparesArgument } from './records.ts';
import { isWrongType, parseScan, parseStrings, parseTransaction } from './replies.ts';
import { CLEAR_TAGS, NOTE_TAG } from './scripts.ts';

/** How many keys one SCAN visits. It walks over the whole database, in which few keys are tags of the repository. */
const SCAN_COUNT = 10_000;
/** An isolate does not write the same note again within this time, so that a busy tag costs few writes. */
const RENOTE_MS = 60_000;
const MAX_RECENT_NOTES = 1_000;

/**
 * Stores tags in Redis: one hash per tag, so that a drop is one step. It has a field for each variant, the note
 * (`led`), and the tombstone (`cleared`).
 *
 *     HASH  registry-edge::tags::<name>::<tag>   <variant> and led: "<digest> <verifiedAt>", cleared
 *
 * @param isOpen as in `StoreOptions`
 */
export function createRedisTags(
  redis: Redis,
  { ttlMs, maxClearedForMs = CLOCK_SKEW_MS, isOpen }: TagOptions & Pick<StoreOptions, 'isOpen'>,
): Tags {
  // With its prefix, no variant is equal to `cleared` or `led`.
  const fieldOf = (variant: string) => `${isOpen ? 'open' : 'verified'} ${variant}`;
  const keyOf = (name: string, tag: string) => `registry-edge::tags::${name}::${tag}`;
  const lifeMs = ttlMs + maxClearedForMs;
  // The notes that this isolate wrote recently. Another isolate may move the tag, so they are not relied on for long.
  const recentNotes = new LRUCache<string, { readonly digest: Digest; readonly atMs: number }>({
    max: MAX_RECENT_NOTES,
  });

  async function clear(keys: string[], clearing: Clearing): Promise<Cleared> {
    if (keys.length === 0) return { counted: 0, digests: new Set() };
    const reply: unknown = await redis.eval(CLEAR_TAGS, keys, [clearing.until, lifeMs, sparesArgument(clearing)]);
    if (!Array.isArray(reply) || reply.length !== keys.length) throw new TypeError('invalid reply to a clear of tags');
    const cleared = reply.map(parseCleared);
    return {
      counted: cleared.filter(({ counted }) => counted > 0).length,
      digests: new Set(cleared.flatMap(({ digests }) => [...digests])),
    };
  }
  /** @throws BadRecord the key has another type */
  async function read(key: string, ...fields: string[]) {
    try {
      const reply: unknown = await redis.hmget(key, ...fields);
      return parseStrings(reply, fields.length);
    } catch (cause) {
      throw isWrongType(cause) ? new BadRecord('the key has another type', { cause }) : cause;
    }
  }

  return {
    async get(ctx, { name, tag, variant }) {
      const startedAt = ctx.now();
      try {
        const [text, cleared] = await read(keyOf(name, tag), fieldOf(variant), 'cleared');
        const pointer = text == null ? undefined : unwrap(tryParse(() => parsePointer(text)));
        const until = unwrap(tryParse(() => parseNumber(cleared ?? '0')));
        const isHit = pointer !== undefined && isAlive(pointer.verifiedAt, until);
        if (until > 0) ctx.emit({ kind: 'tombstone', until });
        ctx.emit({ kind: 'stat', store: 'redis', outcome: isHit ? 'hit' : 'miss', ms: ctx.now() - startedAt });
        return isHit ? pointer : undefined;
      } catch (cause) {
        ctx.emit({ kind: 'stat', store: 'redis', outcome: 'fault', ms: ctx.now() - startedAt });
        throw cause instanceof BadRecord ? cause : new CacheFault('get failed', { cause });
      }
    },
    async set(_ctx, { name, tag, variant }, { digest, verifiedAt }) {
      const key = keyOf(name, tag);
      const field = fieldOf(variant);
      await asCacheFault('set', async () => {
        // If two answers overtake each other, the one that was confirmed later stays. Another isolate may still write
        // between this read and the write, which does no harm: its pointer is about as recent.
        const [text] = await read(key, field);
        const current = text == null ? undefined : unwrap(tryParse(() => parsePointer(text)));
        if (current && current.verifiedAt > verifiedAt) return;
        const write = redis
          .multi()
          .hset(key, { [field]: `${digest} ${verifiedAt}` })
          .pexpire(key, lifeMs);
        parseTransaction(await write.exec(), 2);
      });
    },
    async drop(ctx, name, tags, clearedForMs) {
      const keys = tags.map((tag) => keyOf(name, tag));
      for (const key of keys) recentNotes.delete(key);
      return asCacheFault('drop', async () => (await clear(keys, clearingAhead(ctx.now(), clearedForMs))).digests);
    },
    async note(ctx, { name, tag }, { digest, verifiedAt }, isMoved = false) {
      const key = keyOf(name, tag);
      const recent = recentNotes.get(key);
      if (recent?.digest === digest && ctx.now() - recent.atMs < RENOTE_MS) return true;
      const isCurrent = await asCacheFault('note', async () => {
        const reply: unknown = await redis.eval(
          NOTE_TAG,
          [key],
          [digest, verifiedAt, lifeMs, isMoved ? 'moved' : 'read'],
        );
        if (reply !== 0 && reply !== 1) throw new TypeError('invalid reply to a note');
        return reply === 1;
      });
      if (isCurrent) recentNotes.set(key, { digest, atMs: ctx.now() });
      return isCurrent;
    },
    async evict(_ctx, name, tag, sentAtMs) {
      await asCacheFault('evict', () => clear([keyOf(name, tag)], clearingUpTo(sentAtMs)));
    },
    async purge(ctx, names, cursor = '0') {
      return asCacheFault('purge', async () => {
        const [only, ...others] = names;
        // One SCAN serves all repositories, since one for each would walk over as many keys.
        const match = only && others.length === 0 ? keyOf(only, '*') : keyOf('*', '*');
        const page = parseScan(await redis.scan(cursor, { match, count: SCAN_COUNT }));
        const prefixes = new Set(names.map((name) => keyOf(name, '')));
        // Neither names nor tags contain a colon.
        const keys = page.found.filter((key) => prefixes.has(key.slice(0, key.lastIndexOf('::') + 2)));
        const { counted } = await clear([...new Set(keys)], clearingAhead(ctx.now()));
        return { removed: counted, cursor: page.cursor };
      });
    },
  };
}

/** The result of a clear. */
interface Cleared {
  /** Of one tag: how many pointers counted. Of several: how many tags had one that did. */
  readonly counted: number;
  /** The digests of the removed pointers and notes. */
  readonly digests: ReadonlySet<Digest>;
}

/** Parses the reply to the clear of one tag. @throws TypeError the reply is not one of Redis */
function parseCleared(reply: unknown): Cleared {
  const [counted, ...digests]: unknown[] = Array.isArray(reply) ? reply : [];
  if (typeof counted !== 'number') throw new TypeError('invalid reply to a clear of tags');
  // Malformed digests are ignored.
  return { counted, digests: new Set(digests.filter((text) => typeof text === 'string').filter(isDigest)) };
}

/** @throws TypeError, RegistryError the stored pointer is malformed */
function parsePointer(text: string): TagPointer {
  const [digest = '', verifiedAt = ''] = text.split(' ');
  return { digest: parseDigest(digest), verifiedAt: parseNumber(verifiedAt) };
}
