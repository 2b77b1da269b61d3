import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider, FoundEntry, RepositoryDescriptors } from '../../src/cache/provider.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';

/** More digests than one request to KV holds. */
const MANY = 120;

/** The listing of a repository: a part of the suite of every descriptor cache. */
export function describeList(create: () => BlobDescriptorCacheProvider): void {
  describe('list', () => {
    let clock: Clock;
    let ctx: TestContext;
    let provider: BlobDescriptorCacheProvider;
    let blobs: RepositoryDescriptors;
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      provider = create();
      blobs = provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    });
    const set = (scope: RepositoryDescriptors, digest: Digest) =>
      scope.setDescriptor(ctx, digest, entryFor(digest, clock.now()));

    async function listAll(scope: RepositoryDescriptors): Promise<ReadonlyMap<Digest, FoundEntry>> {
      const all = new Map<Digest, FoundEntry>();
      let cursor: string | undefined;
      do {
        const page = await scope.list(ctx, cursor);
        for (const [digest, found] of page.found) all.set(digest, found);
        cursor = page.cursor;
      } while (cursor !== undefined);
      return all;
    }

    it('returns nothing of a repository that has nothing', async () => {
      expect(await blobs.list(ctx)).toEqual({ found: new Map(), cursor: undefined });
    });

    it('returns every entry of the repository and of the link set, and no other', async () => {
      const digests = Array.from({ length: MANY }, () => uniqueDigest());
      for (const digest of digests) await set(blobs, digest);
      await set(provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs'), uniqueDigest());
      const all = await listAll(blobs);
      expect([...all.keys()].sort()).toEqual(digests.sort());
      for (const [digest, { entry }] of all) expect(entry?.descriptor).toEqual(entryFor(digest, 0).descriptor);
    });

    it('returns no entry that was cleared', async () => {
      const [kept, cleared] = [uniqueDigest(), uniqueDigest()];
      for (const digest of [kept, cleared]) await set(blobs, digest);
      await blobs.clear(ctx, cleared);
      const all = await listAll(blobs);
      expect([...all].filter(([, { entry }]) => entry).map(([digest]) => digest)).toEqual([kept]);
    });
  });
}
