import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import type { BlobDescriptorCacheProvider, RepositoryDescriptors } from '../../src/stores/descriptors.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, someDigest, someName } from './digests.ts';

const FAR_MS = 60_000;

/** Tombstones grow and never shrink, whoever writes them: a part of the suite of every descriptor cache. */
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
      blobs = provider.repositoryScoped(parseRepositoryName(someName()), 'blobs');
      digest = someDigest();
    });
    const set = () => blobs.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    /** Whether what is confirmed so long after the beginning counts. */
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
    const pairs = far.flatMap(([one, reaching]) => near.map(([other, short]) => ({ one, reaching, other, short })));

    it.each(pairs)('of a $one that reaches far and a later $other the farther stands', async ({ reaching, short }) => {
      await set();
      await reaching();
      await short();
      expect(await countsAfter(FAR_MS - 1)).toBe(false);
      expect(await countsAfter(2)).toBe(true);
    });

    it.each(pairs)('of a $other and a later $one that reaches far the farther stands', async ({ reaching, short }) => {
      await set();
      await short();
      await reaching();
      expect(await countsAfter(FAR_MS - 1)).toBe(false);
      expect(await countsAfter(2)).toBe(true);
    });

    it('of all repositories stand beside a later one of this one', async () => {
      const unscoped = provider.unscoped?.('blobs');
      if (!unscoped) return;
      await unscoped.clear(ctx, digest, FAR_MS);
      await unscoped.clear(ctx, digest);
      await blobs.clear(ctx, digest);
      expect(await countsAfter(FAR_MS - 1)).toBe(false);
      expect(await countsAfter(2)).toBe(true);
    });

    describe('of an eviction', () => {
      it('are the time at which the origin was asked: what was confirmed later stays', async () => {
        const sentAtMs = clock.now();
        clock.advance(1);
        await set();
        expect(await blobs.evict(ctx, [digest], sentAtMs)).toEqual(new Set());
        expect(await blobs.stat(ctx, digest)).toEqual(entryFor(digest, clock.now()));
      });

      it('bury what was confirmed at that time or before, and nothing that is confirmed right after', async () => {
        await set();
        const sentAtMs = clock.now();
        clock.advance(500);
        await blobs.evict(ctx, [digest], sentAtMs);
        await blobs.setDescriptor(ctx, digest, entryFor(digest, sentAtMs));
        expect(await blobs.stat(ctx, digest)).toBeUndefined();
      });

      it('leave a deletion’s where it is', async () => {
        await set();
        await blobs.markDeleting(ctx, digest, CLOCK_SKEW_MS + 1_000);
        await blobs.evict(ctx, [digest], clock.now());
        expect(await countsAfter(CLOCK_SKEW_MS + 1_000)).toBe(false);
        expect(await countsAfter(1)).toBe(true);
      });
    });

    it('let nothing answer that was confirmed before the farthest of them, in any order of verbs', {
      timeout: 30_000,
    }, async () => {
      const reach = fc.integer({ min: 0, max: FAR_MS });
      const step = fc.record({
        verb: fc.constantFrom('set', 'set', 'set', 'late set', 'markDeleting', 'clear', 'evict', 'clearPresent'),
        reach,
        advance: fc.integer({ min: 0, max: 3 * CLOCK_SKEW_MS }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 14 }), async (steps) => {
          digest = someDigest();
          let farthest = 0;
          for (const { verb, reach: clearedForMs, advance } of steps) {
            const nowMs = clock.now();
            const isThere = (await blobs.stat(ctx, digest)) !== undefined;
            if (verb === 'set') await set();
            if (verb === 'late set') await blobs.setDescriptor(ctx, digest, entryFor(digest, nowMs - clearedForMs));
            if (verb === 'evict') await blobs.evict(ctx, [digest], nowMs);
            if (verb === 'clearPresent') await blobs.clearPresent(ctx, [digest]);
            if (verb === 'markDeleting' || verb === 'clear') await blobs[verb](ctx, digest, clearedForMs);
            const ahead = nowMs + Math.max(clearedForMs, CLOCK_SKEW_MS);
            if (verb === 'markDeleting' || verb === 'clear') farthest = Math.max(farthest, ahead);
            if (isThere && verb === 'evict') farthest = Math.max(farthest, nowMs);
            if (isThere && verb === 'clearPresent') farthest = Math.max(farthest, nowMs + CLOCK_SKEW_MS);
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
