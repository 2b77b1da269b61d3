import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider, RepositoryDescriptors } from '../../src/cache/provider.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';

const FAR_MS = 60_000;

/** No verb shortens a tombstone: a part of the suite of every descriptor cache. */
export function describeTombstones(create: () => BlobDescriptorCacheProvider): void {
  describe('tombstones', () => {
    let clock: Clock;
    let ctx: TestContext;
    let provider: BlobDescriptorCacheProvider;
    let blobs: RepositoryDescriptors;
    let digest: Digest;
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      provider = create();
      blobs = provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
      digest = uniqueDigest();
    });
    const set = () => blobs.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    /** Advances the clock, and returns whether an entry that is confirmed then counts. */
    async function countsAfter(ms: number): Promise<boolean> {
      clock.advance(ms);
      await set();
      return (await blobs.stat(ctx, digest)) !== undefined;
    }

    const far = [
      ['markDeleting', () => blobs.markDeleting(ctx, digest, FAR_MS)],
      ['clear', () => blobs.clear(ctx, digest, FAR_MS)],
      ['clearEach', () => blobs.clearEach(ctx, [digest], FAR_MS)],
    ] as const;
    const near = [
      ['markDeleting', () => blobs.markDeleting(ctx, digest)],
      ['clear', () => blobs.clear(ctx, digest)],
      ['clearEach', () => blobs.clearEach(ctx, [digest])],
      ['evict', () => blobs.evict(ctx, [digest], clock.now())],
      ['markEvicted', () => blobs.markEvicted(ctx, [digest], clock.now())],
      ['clearPresent', () => blobs.clearPresent(ctx, [digest])],
      ['purge', () => blobs.purge(ctx)],
      ['an unscoped clear', () => provider.unscoped?.('blobs').clear(ctx, digest)],
      ['an unscoped markDeleting', () => provider.unscoped?.('blobs').markDeleting(ctx, digest)],
    ] as const;
    const pairs = far.flatMap(([one, writeFar]) =>
      near.map(([other, writeNear]) => ({ one, writeFar, other, writeNear })),
    );

    it.each(pairs)('a $one that reaches far is not shortened by a later $other', async ({ writeFar, writeNear }) => {
      await set();
      await writeFar();
      await writeNear();
      expect(await countsAfter(FAR_MS - 1)).toBe(false);
      expect(await countsAfter(2)).toBe(true);
    });

    it.each(pairs)('a $other is extended by a later $one that reaches far', async ({ writeFar, writeNear }) => {
      await set();
      await writeNear();
      await writeFar();
      expect(await countsAfter(FAR_MS - 1)).toBe(false);
      expect(await countsAfter(2)).toBe(true);
    });

    it('for all repositories are not shortened by a later one for this repository', async () => {
      const unscoped = provider.unscoped?.('blobs');
      if (!unscoped) return;
      await unscoped.clear(ctx, digest, FAR_MS);
      await unscoped.clear(ctx, digest);
      await blobs.clear(ctx, digest);
      expect(await countsAfter(FAR_MS - 1)).toBe(false);
      expect(await countsAfter(2)).toBe(true);
    });

    describe('of an eviction', () => {
      it('end at the time of the request to the origin: an entry that was confirmed later stays', async () => {
        const sentAtMs = clock.now();
        clock.advance(1);
        await set();
        expect(await blobs.evict(ctx, [digest], sentAtMs)).toEqual(new Set());
        expect(await blobs.stat(ctx, digest)).toEqual(entryFor(digest, clock.now()));
      });

      it('hide an entry that was confirmed at the time of the request, however late it is written', async () => {
        await set();
        const sentAtMs = clock.now();
        clock.advance(500);
        await blobs.evict(ctx, [digest], sentAtMs);
        await blobs.setDescriptor(ctx, digest, entryFor(digest, sentAtMs));
        expect(await blobs.stat(ctx, digest)).toBeUndefined();
      });

      it('do not shorten the one of a delete', async () => {
        await set();
        await blobs.markDeleting(ctx, digest, CLOCK_SKEW_MS + 1_000);
        await blobs.evict(ctx, [digest], clock.now());
        expect(await countsAfter(CLOCK_SKEW_MS + 1_000)).toBe(false);
        expect(await countsAfter(1)).toBe(true);
      });
    });

    it('hide every entry that was confirmed before the farthest of them, in any order of verbs', async () => {
      const reach = fc.integer({ min: 0, max: FAR_MS });
      const step = fc.record({
        verb: fc.constantFrom('set', 'set', 'set', 'late set', 'markDeleting', 'clear', 'evict', 'clearPresent'),
        reach,
        advance: fc.integer({ min: 0, max: 3 * CLOCK_SKEW_MS }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 14 }), async (steps) => {
          digest = uniqueDigest();
          let farthest = 0;
          for (const { verb, reach: clearedForMs, advance } of steps) {
            const nowMs = clock.now();
            const isPresent = (await blobs.stat(ctx, digest)) !== undefined;
            if (verb === 'set') await set();
            if (verb === 'late set') await blobs.setDescriptor(ctx, digest, entryFor(digest, nowMs - clearedForMs));
            if (verb === 'evict') await blobs.evict(ctx, [digest], nowMs);
            if (verb === 'clearPresent') await blobs.clearPresent(ctx, [digest]);
            if (verb === 'markDeleting' || verb === 'clear') await blobs[verb](ctx, digest, clearedForMs);
            const ahead = nowMs + Math.max(clearedForMs, CLOCK_SKEW_MS);
            if (verb === 'markDeleting' || verb === 'clear') farthest = Math.max(farthest, ahead);
            if (isPresent && verb === 'evict') farthest = Math.max(farthest, nowMs);
            if (isPresent && verb === 'clearPresent') farthest = Math.max(farthest, nowMs + CLOCK_SKEW_MS);
            const found = await blobs.stat(ctx, digest);
            if (found) expect(found.verifiedAt).toBeGreaterThan(farthest);
            if (verb === 'set') expect(found !== undefined).toBe(nowMs > farthest);
            clock.advance(advance);
          }
        }),
        { numRuns: 25, seed: 7 },
      );
    });
  });
}
