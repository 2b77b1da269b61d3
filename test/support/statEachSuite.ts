import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider, RepositoryDescriptors } from '../../src/cache/provider.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';

/** More digests than one request to any store holds: a Durable Object takes 1,000. */
const MANY = 1_010;

/** A look at many digests at once: a part of the suite of every descriptor cache. */
export function describeStatEach(create: () => BlobDescriptorCacheProvider): void {
  describe('statEach', () => {
    let clock: Clock;
    let ctx: TestContext;
    let blobs: RepositoryDescriptors;
    let others: RepositoryDescriptors[];
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      const provider = create();
      const name = parseRepositoryName(uniqueName());
      blobs = provider.repositoryScoped(name, 'blobs');
      others = [
        provider.repositoryScoped(name, 'manifests'),
        provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs'),
      ];
    });
    const set = (digest: Digest) => blobs.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    const entryOf = async (digest: Digest) => (await blobs.statEach(ctx, [digest])).get(digest)?.entry;

    it('returns what stat returns, whatever was done to a digest', async () => {
      const [present, absent, cleared, evicted, revived] = Array.from({ length: 5 }, () => uniqueDigest());
      const [alias, canonical] = [uniqueDigest('sha512'), uniqueDigest()];
      const [orphan, lost] = [uniqueDigest('sha512'), uniqueDigest()];
      for (const digest of [present, cleared, evicted, revived]) await set(digest as Digest);
      await blobs.setDescriptor(ctx, alias, entryFor(canonical, clock.now()));
      await blobs.setDescriptor(ctx, orphan, entryFor(lost, clock.now()));
      await blobs.clear(ctx, cleared as Digest);
      await blobs.evict(ctx, [evicted as Digest, lost, revived as Digest], clock.now());
      clock.advance(1);
      await set(revived as Digest);
      const all = [present, absent, cleared, evicted, revived, alias, canonical, orphan, lost] as Digest[];
      const found = await blobs.statEach(ctx, all);
      expect([...found.keys()]).toEqual(all);
      for (const digest of all) expect(found.get(digest)?.entry).toEqual(await blobs.stat(ctx, digest));
      const counted = all.filter((digest) => found.get(digest)?.entry);
      expect(counted).toEqual([present, revived, alias, canonical]);
    });

    it('returns the tombstone of each digest, and none for a digest that has none', async () => {
      const [cleared, evicted, present] = [uniqueDigest(), uniqueDigest(), uniqueDigest()];
      for (const digest of [cleared, evicted, present]) await set(digest);
      await blobs.clear(ctx, cleared, 60_000);
      await blobs.evict(ctx, [evicted], clock.now());
      const found = await blobs.statEach(ctx, [cleared, evicted, present]);
      expect(found.get(cleared)?.clearedUntil).toBe(clock.now() + 60_000);
      expect(found.get(evicted)?.clearedUntil).toBe(clock.now());
      expect(found.get(present)?.clearedUntil).toBe(0);
    });

    it('sees neither the other link set nor another repository', async () => {
      const digest = uniqueDigest();
      for (const scope of others) await scope.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
      expect(await entryOf(digest)).toBeUndefined();
    });

    it('finds more digests than one request holds', async () => {
      const digests = Array.from({ length: MANY }, () => uniqueDigest());
      const isStored = (_digest: Digest, at: number) => at % 25 === 0;
      for (const digest of digests.filter(isStored)) await set(digest);
      const found = await blobs.statEach(ctx, digests);
      expect(digests.filter((digest) => found.get(digest)?.entry)).toEqual(digests.filter(isStored));
    });

    it('looks up nothing for no digest', async () => {
      expect(await blobs.statEach(ctx, [])).toEqual(new Map());
    });

    it('rejects an invalid digest', async () => {
      await expect(blobs.statEach(ctx, ['sha256:zz' as Digest])).rejects.toThrow(
        expect.objectContaining({ code: 'DIGEST_INVALID' }),
      );
    });
  });
}
