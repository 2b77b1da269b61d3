import type { Redis } from '@upstash/redis/cloudflare';
import { parseDigest } from '../oci/digest.ts';
import { asCacheFault, CacheFault } from './provider.ts';
import { parseDone, parseNumber, parseStrings } from './redisLayout.ts';
import type { TagPointer, Tags } from './tags.ts';
import { CLOCK_SKEW_MS, isAlive } from './tombstone.ts';

/**
 * Tags in Redis: one hash for each, so that it can be dropped at once, a field for each variety, and until when pointers
 * do not count.
 *
 *     HASH  registry-edge::tags::<name>::<tag>   <variety>: "<digest> <verifiedAt>", cleared
 *
 * @param ttlMs how long a pointer can be of use
 * @param isOpen as in `StoreOptions`
 */
export function createRedisTags(redis: Redis, ttlMs: number, isOpen: boolean): Tags {
  // Apart from `cleared`.
  const fieldOf = (variety: string) => `${isOpen ? 'open' : 'verified'} ${variety}`;
  const keyOf = (name: string, tag: string) => `registry-edge::tags::${name}::${tag}`;
  const lifeMs = ttlMs + CLOCK_SKEW_MS;
  return {
    async get(ctx, { name, tag, variety }) {
      const since = ctx.now();
      try {
        const reply: unknown = await redis.hmget(keyOf(name, tag), fieldOf(variety), 'cleared');
        const [text, cleared] = parseStrings(reply, 2);
        const pointer = text == null ? undefined : parsePointer(text);
        const isKnown = pointer !== undefined && isAlive(pointer.verifiedAt, parseNumber(cleared ?? '0'));
        ctx.emit({ kind: 'stat', store: 'redis', outcome: isKnown ? 'hit' : 'miss', ms: ctx.now() - since });
        return isKnown ? pointer : undefined;
      } catch (cause) {
        ctx.emit({ kind: 'stat', store: 'redis', outcome: 'fault', ms: ctx.now() - since });
        throw new CacheFault('get failed', { cause });
      }
    },
    async set(_ctx, { name, tag, variety }, { digest, verifiedAt }) {
      const key = keyOf(name, tag);
      const field = fieldOf(variety);
      await asCacheFault('set', async () => {
        // Of two answers that cross, the later one stands; what another isolate writes in between is as good.
        const [text] = parseStrings(await redis.hmget(key, field), 1);
        if (text != null && parsePointer(text).verifiedAt > verifiedAt) return;
        const write = redis
          .multi()
          .hset(key, { [field]: `${digest} ${verifiedAt}` })
          .pexpire(key, lifeMs);
        parseDone(await write.exec(), 2);
      });
    },
    async drop(ctx, name, tag) {
      const key = keyOf(name, tag);
      const write = redis
        .multi()
        .del(key)
        .hset(key, { cleared: ctx.now() + CLOCK_SKEW_MS })
        .pexpire(key, lifeMs);
      await asCacheFault('drop', async () => parseDone(await write.exec(), 3));
    },
  };
}

/** @throws TypeError, RegistryError what no setter wrote */
function parsePointer(text: string): TagPointer {
  const [digest = '', verifiedAt = ''] = text.split(' ');
  return { digest: parseDigest(digest), verifiedAt: parseNumber(verifiedAt) };
}
