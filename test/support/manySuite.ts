import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider, RepositoryDescriptors } from '../../src/cache/provider.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';

/** More digests than one request to KV holds. */
const MANY = 157;

/** The operations on many digests: a part of the suite of every descriptor cache. */
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
      name = parseRepositoryName(uniqueName());
      blobs = provider.repositoryScoped(name, 'blobs');
    });
    const set = (scope: RepositoryDescriptors, digest: Digest) =>
      scope.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    /** Purges all pages. @returns the digests of all pages, duplicates included */
    const purgeAll = async (most?: number) => {
      const removed: Digest[] = [];
      let cursor: string | undefined;
      do {
        const page = await blobs.purge(ctx, cursor, most);
        removed.push(...page.removed);
        cursor = page.cursor;
      } while (cursor !== undefined);
      return removed.sort();
    };
    /** Both clear the digests that are present, and return them. */
    const verbs = [
      ['evict', (digests: readonly Digest[]) => blobs.evict(ctx, digests, clock.now())],
      ['clearPresent', (digests: readonly Digest[]) => blobs.clearPresent(ctx, digests)],
    ] as const;

    describe.each(verbs)('%s', (_verb, clear) => {
      it('clears and returns the digests that are present, and leaves the others alone', async () => {
        const [present, kept, absent] = [uniqueDigest(), uniqueDigest(), uniqueDigest()];
        for (const digest of [present, kept]) await set(blobs, digest);
        expect(await clear([absent, present])).toEqual(new Set([present]));
        expect(await blobs.stat(ctx, present)).toBeUndefined();
        expect(await blobs.stat(ctx, kept)).toBeDefined();
        // An absent digest gets no tombstone: an entry that is confirmed right afterwards counts.
        await set(blobs, absent);
        expect(await blobs.stat(ctx, absent)).toBeDefined();
        expect(await clear([present])).toEqual(new Set());
      });

      it('is not undone by a late write of an entry that was confirmed before it', async () => {
        const digest = uniqueDigest();
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

      it('clears and returns the canonical digest of an alias as well', async () => {
        const [alias, canonical] = [uniqueDigest('sha512'), uniqueDigest()];
        await blobs.setDescriptor(ctx, alias, entryFor(canonical, clock.now()));
        expect(await clear([alias])).toEqual(new Set([alias, canonical]));
        expect(await blobs.stat(ctx, canonical)).toBeUndefined();
      });

      it('returns nothing that is being deleted already', async () => {
        const digest = uniqueDigest();
        await set(blobs, digest);
        await blobs.markDeleting(ctx, digest);
        expect(await clear([digest])).toEqual(new Set());
      });

      it('returns an alias alone whose canonical digest is cleared already', async () => {
        const [alias, canonical] = [uniqueDigest('sha512'), uniqueDigest()];
        await blobs.setDescriptor(ctx, alias, entryFor(canonical, clock.now()));
        await blobs.clear(ctx, canonical);
        expect(await clear([alias])).toEqual(new Set([alias]));
      });

      it('leaves other repositories and the other link set alone', async () => {
        const digest = uniqueDigest();
        const others = [
          provider.repositoryScoped(name, 'manifests'),
          provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs'),
        ];
        for (const scope of [blobs, ...others]) await set(scope, digest);
        await clear([digest]);
        for (const scope of others) expect(await scope.stat(ctx, digest)).toBeDefined();
      });

      it('clears more digests than one request holds', async () => {
        const digests = Array.from({ length: MANY }, () => uniqueDigest());
        for (const digest of digests) await set(blobs, digest);
        expect(await clear(digests)).toEqual(new Set(digests));
        const found = await Promise.all(digests.map((digest) => blobs.stat(ctx, digest)));
        expect(found.every((entry) => entry === undefined)).toBe(true);
      });

      it('rejects an invalid digest', async () => {
        await expect(clear(['sha256:zz' as Digest])).rejects.toThrow(
          expect.objectContaining({ code: 'DIGEST_INVALID' }),
        );
      });
    });

    describe('purge', () => {
      it('clears all entries of a repository, and returns each digest once', async () => {
        const digests = Array.from({ length: MANY }, () => uniqueDigest());
        for (const digest of digests) await set(blobs, digest);
        expect(await purgeAll()).toEqual([...digests].sort());
        for (const digest of digests) expect(await blobs.stat(ctx, digest)).toBeUndefined();
        expect(await purgeAll()).toEqual([]);
      });

      it('clears all entries in steps of as many as wanted, and returns each digest once', async () => {
        const digests = Array.from({ length: 5 }, () => uniqueDigest());
        for (const digest of digests) await set(blobs, digest);
        expect(await purgeAll(3)).toEqual([...digests].sort());
        for (const digest of digests) expect(await blobs.stat(ctx, digest)).toBeUndefined();
      });

      it('returns an entry that was confirmed again after a clear', async () => {
        const digest = uniqueDigest();
        await set(blobs, digest);
        await blobs.clear(ctx, digest);
        clock.advance(CLOCK_SKEW_MS + 1);
        await set(blobs, digest);
        expect(await purgeAll()).toEqual([digest]);
      });

      it('does not return entries that a tombstone hid already, but returns aliases', async () => {
        const [deleting, cleared, evicted, kept] = [uniqueDigest(), uniqueDigest(), uniqueDigest(), uniqueDigest()];
        const [alias, canonical] = [uniqueDigest('sha512'), uniqueDigest()];
        for (const digest of [deleting, cleared, evicted, kept]) await set(blobs, digest);
        await blobs.setDescriptor(ctx, alias, entryFor(canonical, clock.now()));
        const before = entryFor(cleared, clock.now());
        await blobs.markDeleting(ctx, deleting);
        await blobs.clear(ctx, cleared);
        await blobs.evict(ctx, [evicted], clock.now());
        await blobs.setDescriptor(ctx, cleared, before);
        expect(await purgeAll()).toEqual([kept, alias, canonical].sort());
      });

      it('is not undone by a late write of an entry that was confirmed before it', async () => {
        const [found, late] = [uniqueDigest(), uniqueDigest()];
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

      it('leaves repositories with a similar name alone, and the other link set', async () => {
        const digest = uniqueDigest();
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
