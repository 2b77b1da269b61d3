import type { Redis } from '@upstash/redis/cloudflare';
import { parseDigest } from '../oci/digest.ts';
import { asCacheFault, BadRecord, CacheFault, parsed, type StoreOptions, sound } from './provider.ts';
import { parseNumber, spares } from './redisLayout.ts';
import { isWrongType, parseDone, parseScan, parseStrings } from './redisReplies.ts';
import { CLEAR_TAGS } from './redisScripts.ts';
import type { TagOptions, TagPointer, Tags } from './tags.ts';
import { aheadOf, CLOCK_SKEW_MS, type Clearing, isAlive, upTo } from './tombstone.ts';

/** A walk over the whole database, of which few keys are a repository's tags. */
const KEYS_SCANNED = 10_000;

/**
 * Tags in Redis: one hash for each, so that it can be dropped at once, a field for each variety, and until when pointers
 * do not count.
 *
 *     HASH  registry-edge::tags::<name>::<tag>   <variety>: "<digest> <verifiedAt>", cleared
 *
 * @param isOpen as in `StoreOptions`
 */
export function createRedisTags(
  redis: Redis,
  { ttlMs, maxReachMs = CLOCK_SKEW_MS, isOpen }: TagOptions & Pick<StoreOptions, 'isOpen'>,
): Tags {
  // Apart from `cleared`.
  const fieldOf = (variety: string) => `${isOpen ? 'open' : 'verified'} ${variety}`;
  const keyOf = (name: string, tag: string) => `registry-edge::tags::${name}::${tag}`;
  const lifeMs = ttlMs + maxReachMs;

  /** @returns of how many something counted */
  async function clear(keys: string[], clearing: Clearing): Promise<number> {
    if (keys.length === 0) return 0;
    const reply: unknown = await redis.eval(CLEAR_TAGS, keys, [clearing.until, lifeMs, spares(clearing)]);
    const isDone = Array.isArray(reply) && reply.length === keys.length && reply.every(Number.isInteger);
    if (!isDone) throw new TypeError('not the reply to a clear of tags');
    return reply.filter((counted) => counted > 0).length;
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
    async get(ctx, { name, tag, variety }) {
      const since = ctx.now();
      try {
        const [text, cleared] = await read(keyOf(name, tag), fieldOf(variety), 'cleared');
        const pointer = text == null ? undefined : sound(parsed(() => parsePointer(text)));
        const until = sound(parsed(() => parseNumber(cleared ?? '0')));
        const isKnown = pointer !== undefined && isAlive(pointer.verifiedAt, until);
        if (until > 0) ctx.emit({ kind: 'tombstone', until });
        ctx.emit({ kind: 'stat', store: 'redis', outcome: isKnown ? 'hit' : 'miss', ms: ctx.now() - since });
        return isKnown ? pointer : undefined;
      } catch (cause) {
        ctx.emit({ kind: 'stat', store: 'redis', outcome: 'fault', ms: ctx.now() - since });
        throw cause instanceof BadRecord ? cause : new CacheFault('get failed', { cause });
      }
    },
    async set(_ctx, { name, tag, variety }, { digest, verifiedAt }) {
      const key = keyOf(name, tag);
      const field = fieldOf(variety);
      await asCacheFault('set', async () => {
        // Of two answers that cross, the later one stands; what another isolate writes in between is as good.
        const [text] = await read(key, field);
        const stands = text == null ? undefined : sound(parsed(() => parsePointer(text)));
        if (stands && stands.verifiedAt > verifiedAt) return;
        const write = redis
          .multi()
          .hset(key, { [field]: `${digest} ${verifiedAt}` })
          .pexpire(key, lifeMs);
        parseDone(await write.exec(), 2);
      });
    },
    async drop(ctx, name, tags, reachMs) {
      const keys = tags.map((tag) => keyOf(name, tag));
      await asCacheFault('drop', () => clear(keys, aheadOf(ctx.now(), reachMs)));
    },
    async evict(_ctx, name, tag, sentAtMs) {
      await asCacheFault('evict', () => clear([keyOf(name, tag)], upTo(sentAtMs)));
    },
    async purge(ctx, name, cursor = '0') {
      return asCacheFault('purge', async () => {
        const page = parseScan(await redis.scan(cursor, { match: keyOf(name, '*'), count: KEYS_SCANNED }));
        return { removed: await clear([...new Set(page.found)], aheadOf(ctx.now())), cursor: page.cursor };
      });
    },
  };
}

/** @throws TypeError, RegistryError what no setter wrote */
function parsePointer(text: string): TagPointer {
  const [digest = '', verifiedAt = ''] = text.split(' ');
  return { digest: parseDigest(digest), verifiedAt: parseNumber(verifiedAt) };
}
