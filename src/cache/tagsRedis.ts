import type { Redis } from '@upstash/redis/cloudflare';
import { parseDigest } from '../oci/digest.ts';
import { asCacheFault, CacheFault, type StoreOptions } from './provider.ts';
import { exec, parseDone, parseNumber, parseScan, parseStrings } from './redisLayout.ts';
import type { TagOptions, TagPointer, Tags } from './tags.ts';
import { CLOCK_SKEW_MS, isAlive } from './tombstone.ts';

/** A walk over the whole database, of which few keys are a repository's tags. */
const KEYS_SCANNED = 1_000;

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
  return {
    async get(ctx, { name, tag, variety }) {
      const since = ctx.now();
      try {
        const reply: unknown = await redis.hmget(keyOf(name, tag), fieldOf(variety), 'cleared');
        const [text, cleared] = parseStrings(reply, 2);
        const pointer = text == null ? undefined : parsePointer(text);
        const until = parseNumber(cleared ?? '0');
        const isKnown = pointer !== undefined && isAlive(pointer.verifiedAt, until);
        if (until > 0) ctx.emit({ kind: 'tombstone', until });
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
    async drop(ctx, name, tags, reachMs = 0) {
      const cleared = ctx.now() + Math.max(reachMs, CLOCK_SKEW_MS);
      const write = redis.multi();
      for (const key of tags.map((tag) => keyOf(name, tag))) write.del(key).hset(key, { cleared }).pexpire(key, lifeMs);
      await asCacheFault('drop', async () => parseDone(await write.exec(), 3 * tags.length));
    },
    async list(_ctx, name, cursor = '0') {
      return asCacheFault('list', async () => {
        const page = parseScan(await redis.scan(cursor, { match: keyOf(name, '*'), count: KEYS_SCANNED }));
        const tags = page.found.map((key) => key.slice(keyOf(name, '').length));
        const fields = await exec(redis.pipeline(), tags, (all, tag) => all.hkeys(keyOf(name, tag)));
        return { cursor: page.cursor, tags: tags.filter((_, at) => hasPointer(fields[at])) };
      });
    },
  };
}

/** Of a tag that was dropped only that is known. */
function hasPointer([fields]: readonly unknown[] = []): boolean {
  return Array.isArray(fields) && fields.some((field) => field !== 'cleared');
}

/** @throws TypeError, RegistryError what no setter wrote */
function parsePointer(text: string): TagPointer {
  const [digest = '', verifiedAt = ''] = text.split(' ');
  return { digest: parseDigest(digest), verifiedAt: parseNumber(verifiedAt) };
}
