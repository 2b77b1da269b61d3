import type { Redis } from '@upstash/redis/cloudflare';
import { LRUCache } from 'lru-cache';
import { type Digest, isDigest, parseDigest } from '../../oci/digest.ts';
import { asCacheFault, BadRecord, CacheFault, tryParse, unwrap } from '../faults.ts';
import type { StoreOptions } from '../options.ts';
import type { TagOptions, TagPointer, Tags } from '../tags.ts';
import { aheadOf, CLOCK_SKEW_MS, type Clearing, isAlive, upTo } from '../tombstone.ts';
import { parseNumber, spares } from './records.ts';
import { isWrongType, parseDone, parseScan, parseStrings } from './replies.ts';
import { CLEAR_TAGS, NOTE_TAG } from './scripts.ts';

/** A walk over the whole database, of which few keys are a repository's tags. */
const KEYS_SCANNED = 10_000;
/** A busy tag is noted once in so long, by each isolate. */
const NOTED_MS = 60_000;
const MAX_NOTED = 1_000;

/**
 * Tags in Redis: one hash for each, so that it can be dropped at once, a field for each variant, and until when pointers
 * do not count.
 *
 *     HASH  registry-edge::tags::<name>::<tag>   <variant> and led: "<digest> <verifiedAt>", cleared
 *
 * @param isOpen as in `StoreOptions`
 */
export function createRedisTags(
  redis: Redis,
  { ttlMs, maxClearedForMs = CLOCK_SKEW_MS, isOpen }: TagOptions & Pick<StoreOptions, 'isOpen'>,
): Tags {
  // Apart from `cleared`.
  const fieldOf = (variant: string) => `${isOpen ? 'open' : 'verified'} ${variant}`;
  const keyOf = (name: string, tag: string) => `registry-edge::tags::${name}::${tag}`;
  const lifeMs = ttlMs + maxClearedForMs;
  // What this isolate noted a moment ago; another one may have moved the tag since, so not for long.
  const noted = new LRUCache<string, { readonly digest: Digest; readonly atMs: number }>({ max: MAX_NOTED });

  async function clear(keys: string[], clearing: Clearing): Promise<Cleared> {
    if (keys.length === 0) return { counted: 0, led: new Set() };
    const reply: unknown = await redis.eval(CLEAR_TAGS, keys, [clearing.until, lifeMs, spares(clearing)]);
    if (!Array.isArray(reply) || reply.length !== keys.length) throw new TypeError('not the reply to a clear of tags');
    const each = reply.map(parseCleared);
    return {
      counted: each.filter(({ counted }) => counted > 0).length,
      led: new Set(each.flatMap(({ led }) => [...led])),
    };
  }
  async function read(key: string, ...fields: string[]) {
    try {
      const reply: unknown = await redis.hmget(key, ...fields);
      return parseStrings(reply, fields.length);
    } catch (cause) {
      throw isWrongType(cause) ? new BadRecord('a key of another type', { cause }) : cause;
    }
  }

  return {
    async get(ctx, { name, tag, variant }) {
      const since = ctx.now();
      try {
        const [text, cleared] = await read(keyOf(name, tag), fieldOf(variant), 'cleared');
        const pointer = text == null ? undefined : unwrap(tryParse(() => parsePointer(text)));
        const until = unwrap(tryParse(() => parseNumber(cleared ?? '0')));
        const isKnown = pointer !== undefined && isAlive(pointer.verifiedAt, until);
        if (until > 0) ctx.emit({ kind: 'tombstone', until });
        ctx.emit({ kind: 'stat', store: 'redis', outcome: isKnown ? 'hit' : 'miss', ms: ctx.now() - since });
        return isKnown ? pointer : undefined;
      } catch (cause) {
        ctx.emit({ kind: 'stat', store: 'redis', outcome: 'fault', ms: ctx.now() - since });
        throw cause instanceof BadRecord ? cause : new CacheFault('get failed', { cause });
      }
    },
    async set(_ctx, { name, tag, variant }, { digest, verifiedAt }) {
      const key = keyOf(name, tag);
      const field = fieldOf(variant);
      await asCacheFault('set', async () => {
        // Of two answers that cross, the later one stands; what another isolate writes in between is as good.
        const [text] = await read(key, field);
        const stands = text == null ? undefined : unwrap(tryParse(() => parsePointer(text)));
        if (stands && stands.verifiedAt > verifiedAt) return;
        const write = redis
          .multi()
          .hset(key, { [field]: `${digest} ${verifiedAt}` })
          .pexpire(key, lifeMs);
        parseDone(await write.exec(), 2);
      });
    },
    async drop(ctx, name, tags, clearedForMs) {
      const keys = tags.map((tag) => keyOf(name, tag));
      for (const key of keys) noted.delete(key);
      return asCacheFault('drop', async () => (await clear(keys, aheadOf(ctx.now(), clearedForMs))).led);
    },
    async note(ctx, { name, tag }, { digest, verifiedAt }, isMoved = false) {
      const key = keyOf(name, tag);
      const last = noted.get(key);
      if (last?.digest === digest && ctx.now() - last.atMs < NOTED_MS) return true;
      const isCurrent = await asCacheFault('note', async () => {
        const reply: unknown = await redis.eval(
          NOTE_TAG,
          [key],
          [digest, verifiedAt, lifeMs, isMoved ? 'moved' : 'read'],
        );
        if (reply !== 0 && reply !== 1) throw new TypeError('not the reply to a note');
        return reply === 1;
      });
      if (isCurrent) noted.set(key, { digest, atMs: ctx.now() });
      return isCurrent;
    },
    async evict(_ctx, name, tag, sentAtMs) {
      await asCacheFault('evict', () => clear([keyOf(name, tag)], upTo(sentAtMs)));
    },
    async purge(ctx, names, cursor = '0') {
      return asCacheFault('purge', async () => {
        const [only, ...others] = names;
        // One walk for all of them: each would be as long.
        const match = only && others.length === 0 ? keyOf(only, '*') : keyOf('*', '*');
        const page = parseScan(await redis.scan(cursor, { match, count: KEYS_SCANNED }));
        const wanted = new Set(names.map((name) => keyOf(name, '')));
        // Neither names nor tags have a colon.
        const keys = page.found.filter((key) => wanted.has(key.slice(0, key.lastIndexOf('::') + 2)));
        const { counted } = await clear([...new Set(keys)], aheadOf(ctx.now()));
        return { removed: counted, cursor: page.cursor };
      });
    },
  };
}

/** Of how many variants something counted, and where the tag led. */
interface Cleared {
  readonly counted: number;
  readonly led: ReadonlySet<Digest>;
}

/** @throws TypeError what answered is not Redis */
function parseCleared(reply: unknown): Cleared {
  const [counted, ...led]: unknown[] = Array.isArray(reply) ? reply : [];
  if (typeof counted !== 'number') throw new TypeError('not the reply to a clear of a tag');
  // What is rubbish leads nowhere.
  return { counted, led: new Set(led.filter((text) => typeof text === 'string').filter(isDigest)) };
}

/** @throws TypeError, RegistryError what no setter wrote */
function parsePointer(text: string): TagPointer {
  const [digest = '', verifiedAt = ''] = text.split(' ');
  return { digest: parseDigest(digest), verifiedAt: parseNumber(verifiedAt) };
}
