import { lru } from 'tiny-lru';
import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';

/** An isolate does not write the same note again within this time, so that a busy tag costs few writes. */
const RENOTE_MS = 60_000;
const MAX_NOTES = 1_000;

/**
 * The notes of tags that this isolate wrote recently, by key. Another isolate may move the tag, so they are not relied
 * on for long.
 */
export interface RecentNotes {
  has(ctx: RequestContext, key: string, digest: Digest): boolean;
  add(ctx: RequestContext, key: string, digest: Digest): void;
  remove(keys: readonly string[]): void;
}

export function createRecentNotes(): RecentNotes {
  const notes = lru<{ readonly digest: Digest; readonly atMs: number }>(MAX_NOTES);
  return {
    has(ctx, key, digest) {
      const note = notes.get(key);
      return note?.digest === digest && ctx.now() - note.atMs < RENOTE_MS;
    },
    add: (ctx, key, digest) => void notes.set(key, { digest, atMs: ctx.now() }),
    remove(keys) {
      for (const key of keys) notes.delete(key);
    },
  };
}
