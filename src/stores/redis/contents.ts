import type { Redis } from '@upstash/redis/cloudflare';
import { BadRecord } from '../faults.ts';
import type { ContentRecords } from '../store.ts';
import type { RedisKeys } from './keys.ts';
import { isWrongType } from './replies.ts';

/**
 * Stores content in Redis as text: a manifest is JSON in UTF-8, which comes back byte for byte. Content that is not
 * valid UTF-8 is not stored.
 * @param redis a client whose time limit is that of content
 * @param lifeMs how long content is kept after it was written or read
 */
export function createRedisContents(redis: Promise<Redis>, keys: RedisKeys, lifeMs: number): ContentRecords {
  const encoder = new TextEncoder();
  return {
    async read(_ctx, digest) {
      // A read prolongs the life of the content: from now on it is kept for another `lifeMs`.
      const text: unknown = await (await redis).getex(keys.content(digest), { px: lifeMs }).catch((cause: unknown) => {
        throw isWrongType(cause) ? new BadRecord('the key has another type', { cause }) : cause;
      });
      if (text === null) return undefined;
      if (typeof text !== 'string') throw new TypeError('invalid reply to GETEX');
      return { content: encoder.encode(text) };
    },
    async write(_ctx, digest, content) {
      const text = textOf(content);
      if (text === undefined) return;
      const reply: unknown = await (await redis).set(keys.content(digest), text, { px: lifeMs });
      if (reply !== 'OK') throw new TypeError('invalid reply to SET');
    },
    async remove(_ctx, digest) {
      await (await redis).del(keys.content(digest));
    },
  };
}

/** Decodes UTF-8; `undefined` if the content is anything else. */
function textOf(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}
