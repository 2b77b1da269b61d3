import type { Redis } from '@upstash/redis/cloudflare';
import type { RawContents } from '../contents.ts';
import { BadRecord } from '../faults.ts';
import { isWrongType } from './replies.ts';

/**
 * Content in Redis, as the text that it is: a manifest is JSON, that is UTF-8, which comes back byte for byte. What is
 * not is not kept.
 *
 *     STRING  registry-edge::content::<digest>
 *
 * @param redis a client that gives content its time
 */
export function redisContents(redis: Redis, lifeMs: number): RawContents {
  const keyOf = (digest: string) => `registry-edge::content::${digest}`;
  const encoder = new TextEncoder();
  return {
    async read(_ctx, digest) {
      // As long again as it was kept when it was written.
      const text: unknown = await redis.getex(keyOf(digest), { px: lifeMs }).catch((cause: unknown) => {
        throw isWrongType(cause) ? new BadRecord('a key of another type', { cause }) : cause;
      });
      if (text === null) return undefined;
      if (typeof text !== 'string') throw new TypeError('not a GETEX reply');
      return { content: encoder.encode(text) };
    },
    async write(_ctx, digest, content) {
      const text = textOf(content);
      if (text === undefined) return;
      const reply: unknown = await redis.set(keyOf(digest), text, { px: lifeMs });
      if (reply !== 'OK') throw new TypeError('not a SET reply');
    },
    async remove(digest) {
      await redis.del(keyOf(digest));
    },
  };
}

function textOf(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}
