import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider, RepositoryDescriptors } from '../../src/cache/provider.ts';
import { BATCH } from '../../src/cache/records.ts';
import { CLOCK_SKEW_MS } from '../../src/cache/tombstone.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, someDigest, someName } from './digests.ts';

/** What a repository's descriptors do with many digests at once: a part of the suite of every descriptor cache. */
export function describeMany(create: () => BlobDescriptorCacheProvider): void {
  describe('many digests', () => {
    let clock: Clock;
    let ctx: TestContext;
    let provider: BlobDescriptorCacheProvider;
    let name: RepositoryName;
    let blobs: RepositoryDescriptors;
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      provider = create();
      name = parseRepositoryName(someName());
      blobs = provider.repositoryScoped(name, 'blobs');
    });
    const set = (scope: RepositoryDescriptors, digest: Digest) =>
      scope.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    const listed = async () => {
      const found = new Set<Digest>();
      let cursor: string | undefined;
      do {
        const page = await blobs.list(ctx, cursor);
        for (const digest of page.digests) found.add(digest);
        cursor = page.cursor;
      } while (cursor !== undefined);
      return found;
    };

    it('evict clears those that are there, says which, and leaves the others alone', async () => {
      const [gone, kept, absent] = [someDigest(), someDigest(), someDigest()];
      for (const digest of [gone, kept]) await set(blobs, digest);
      expect(await blobs.evict(ctx, [absent, gone])).toEqual(new Set([gone]));
      expect(await blobs.stat(ctx, gone)).toBeUndefined();
      expect(await blobs.stat(ctx, kept)).toBeDefined();
      // No tombstone: what is confirmed right after it counts.
      await set(blobs, absent);
      expect(await blobs.stat(ctx, absent)).toBeDefined();
      expect(await blobs.evict(ctx, [gone])).toEqual(new Set());
    });

    it('evict is not undone by a late write of what was confirmed before it', async () => {
      const digest = someDigest();
      await set(blobs, digest);
      const before = entryFor(digest, clock.now());
      clock.advance(1_000);
      await blobs.evict(ctx, [digest]);
      await blobs.setDescriptor(ctx, digest, before);
      expect(await blobs.stat(ctx, digest)).toBeUndefined();
      clock.advance(CLOCK_SKEW_MS + 1);
      await set(blobs, digest);
      expect(await blobs.stat(ctx, digest)).toBeDefined();
    });

    it('evict takes the canonical entry of an alias along', async () => {
      const [provisional, canonical] = [someDigest('sha512'), someDigest()];
      await blobs.setDescriptor(ctx, provisional, entryFor(canonical, clock.now()));
      await blobs.evict(ctx, [provisional]);
      expect(await blobs.stat(ctx, canonical)).toBeUndefined();
    });

    it('evict leaves other repositories and the other link set alone', async () => {
      const digest = someDigest();
      const others = [
        provider.repositoryScoped(name, 'manifests'),
        provider.repositoryScoped(parseRepositoryName(someName()), 'blobs'),
      ];
      for (const scope of [blobs, ...others]) await set(scope, digest);
      await blobs.evict(ctx, [digest]);
      for (const scope of others) expect(await scope.stat(ctx, digest)).toBeDefined();
    });

    it('list and evict: more than one request to the store takes', async () => {
      const digests = Array.from({ length: 3 * BATCH + 7 }, () => someDigest());
      for (const digest of digests) await set(blobs, digest);
      expect(await listed()).toEqual(new Set(digests));
      expect(await blobs.evict(ctx, digests)).toEqual(new Set(digests));
      const found = await Promise.all(digests.map((digest) => blobs.stat(ctx, digest)));
      expect(found.every((entry) => entry === undefined)).toBe(true);
    });

    it('list has nothing of repositories whose name begins alike, nor of the other link set', async () => {
      const digest = someDigest();
      await set(blobs, digest);
      await set(provider.repositoryScoped(name, 'manifests'), someDigest());
      for (const other of [`${name}/below`, `${name}-more`, name.slice(0, -1)]) {
        await set(provider.repositoryScoped(parseRepositoryName(other), 'blobs'), someDigest());
      }
      expect(await listed()).toEqual(new Set([digest]));
    });

    it('list of nothing is empty', async () => {
      expect(await listed()).toEqual(new Set());
    });

    it('evict refuses what is no digest', async () => {
      await expect(blobs.evict(ctx, ['sha256:zz' as Digest])).rejects.toThrow(
        expect.objectContaining({ code: 'DIGEST_INVALID' }),
      );
    });
  });
}
