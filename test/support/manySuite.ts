import { beforeEach, describe, expect, it } from 'vitest';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import type { BlobDescriptorCacheProvider, RepositoryDescriptors } from '../../src/stores/descriptors.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, someDigest, someName } from './digests.ts';

/** More than one request to KV takes, or to memory in one go. */
const MANY = 157;

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
    /** Each digest that a purge says it removed, as often as it says so. */
    const purgeAll = async () => {
      const removed: Digest[] = [];
      let cursor: string | undefined;
      do {
        const page = await blobs.purge(ctx, cursor);
        removed.push(...page.removed);
        cursor = page.cursor;
      } while (cursor !== undefined);
      return removed.sort();
    };
    /** Both clear those that are there, and say which. */
    const verbs = [
      ['evict', (digests: readonly Digest[]) => blobs.evict(ctx, digests, clock.now())],
      ['clearPresent', (digests: readonly Digest[]) => blobs.clearPresent(ctx, digests)],
    ] as const;

    describe.each(verbs)('%s', (_verb, clear) => {
      it('clears those that are there, says which, and leaves the others alone', async () => {
        const [gone, kept, absent] = [someDigest(), someDigest(), someDigest()];
        for (const digest of [gone, kept]) await set(blobs, digest);
        expect(await clear([absent, gone])).toEqual(new Set([gone]));
        expect(await blobs.stat(ctx, gone)).toBeUndefined();
        expect(await blobs.stat(ctx, kept)).toBeDefined();
        // No tombstone: what is confirmed right after it counts.
        await set(blobs, absent);
        expect(await blobs.stat(ctx, absent)).toBeDefined();
        expect(await clear([gone])).toEqual(new Set());
      });

      it('is not undone by a late write of what was confirmed before it', async () => {
        const digest = someDigest();
        await set(blobs, digest);
        const before = entryFor(digest, clock.now());
        clock.advance(1_000);
        await clear([digest]);
        await blobs.setDescriptor(ctx, digest, before);
        expect(await blobs.stat(ctx, digest)).toBeUndefined();
        clock.advance(CLOCK_SKEW_MS + 1);
        await set(blobs, digest);
        expect(await blobs.stat(ctx, digest)).toBeDefined();
      });

      it('takes the canonical entry of an alias along, and counts it', async () => {
        const [provisional, canonical] = [someDigest('sha512'), someDigest()];
        await blobs.setDescriptor(ctx, provisional, entryFor(canonical, clock.now()));
        expect(await clear([provisional])).toEqual(new Set([provisional, canonical]));
        expect(await blobs.stat(ctx, canonical)).toBeUndefined();
      });

      it('leaves other repositories and the other link set alone', async () => {
        const digest = someDigest();
        const others = [
          provider.repositoryScoped(name, 'manifests'),
          provider.repositoryScoped(parseRepositoryName(someName()), 'blobs'),
        ];
        for (const scope of [blobs, ...others]) await set(scope, digest);
        await clear([digest]);
        for (const scope of others) expect(await scope.stat(ctx, digest)).toBeDefined();
      });

      it('does so with more digests than one request takes', { timeout: 30_000 }, async () => {
        const digests = Array.from({ length: MANY }, () => someDigest());
        for (const digest of digests) await set(blobs, digest);
        expect(await clear(digests)).toEqual(new Set(digests));
        const found = await Promise.all(digests.map((digest) => blobs.stat(ctx, digest)));
        expect(found.every((entry) => entry === undefined)).toBe(true);
      });

      it('refuses what is no digest', async () => {
        await expect(clear(['sha256:zz' as Digest])).rejects.toThrow(
          expect.objectContaining({ code: 'DIGEST_INVALID' }),
        );
      });
    });

    describe('purge', () => {
      it('clears all of a repository, and counts each once', { timeout: 30_000 }, async () => {
        const digests = Array.from({ length: MANY }, () => someDigest());
        for (const digest of digests) await set(blobs, digest);
        expect(await purgeAll()).toEqual([...digests].sort());
        for (const digest of digests) expect(await blobs.stat(ctx, digest)).toBeUndefined();
        expect(await purgeAll()).toEqual([]);
      });

      it('does not count what a tombstone hid already, nor an alias less than its canonical entry', async () => {
        const [buried, cleared, evicted, kept] = [someDigest(), someDigest(), someDigest(), someDigest()];
        const [provisional, canonical] = [someDigest('sha512'), someDigest()];
        for (const digest of [buried, cleared, evicted, kept]) await set(blobs, digest);
        await blobs.setDescriptor(ctx, provisional, entryFor(canonical, clock.now()));
        const before = entryFor(cleared, clock.now());
        await blobs.markDeleting(ctx, buried);
        await blobs.clear(ctx, cleared);
        await blobs.evict(ctx, [evicted], clock.now());
        await blobs.setDescriptor(ctx, cleared, before);
        expect(await purgeAll()).toEqual([kept, provisional, canonical].sort());
      });

      it('is not undone by a late write of what was confirmed before it', async () => {
        const [found, late] = [someDigest(), someDigest()];
        await set(blobs, found);
        const before = entryFor(found, clock.now());
        clock.advance(1);
        await purgeAll();
        await blobs.setDescriptor(ctx, found, before);
        expect(await blobs.stat(ctx, found)).toBeUndefined();
        clock.advance(CLOCK_SKEW_MS + 1);
        for (const digest of [found, late]) {
          await set(blobs, digest);
          expect(await blobs.stat(ctx, digest)).toBeDefined();
        }
      });

      it('leaves repositories alone whose name begins alike, and the other link set', async () => {
        const digest = someDigest();
        await set(blobs, digest);
        const others = [`${name}/below`, `${name}-more`, name.slice(0, -1)].map((other) =>
          provider.repositoryScoped(parseRepositoryName(other), 'blobs'),
        );
        others.push(provider.repositoryScoped(name, 'manifests'));
        for (const scope of others) await set(scope, digest);
        expect(await purgeAll()).toEqual([digest]);
        for (const scope of others) expect(await scope.stat(ctx, digest)).toBeDefined();
      });
    });
  });
}
