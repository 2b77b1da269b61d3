import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Memory } from './memory.ts';

/**
 * Where tags pointed when they were pushed through this isolate, or pulled from an open mirror. That answers nobody, since
 * tags move: it is a guess at the manifest that the origin will name, which then need not be fetched.
 */
export interface RecentTags {
  add(ctx: RequestContext, name: RepositoryName, tag: string, digest: Digest): void;
  find(ctx: RequestContext, name: RepositoryName, tag: string): Digest | undefined;
}

const LIFE_MS = 300_000;
const DIGEST_BYTES = 250;

export function createRecentTags(memory: Memory): RecentTags {
  const tags = memory.part<{ readonly digest: Digest }>('recent-tag');
  return {
    add: (ctx, name, tag, digest) => tags.set(`${name} ${tag}`, { digest }, ctx.now() + LIFE_MS, DIGEST_BYTES),
    find: (ctx, name, tag) => tags.get(`${name} ${tag}`, ctx.now())?.digest,
  };
}
