import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider } from '../../src/cache/provider.ts';
import { parseDigest } from '../../src/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';
import { describeIsolation } from './isolationSuite.ts';
import { describeList } from './listSuite.ts';
import { describeMany } from './manySuite.ts';
import { checkPeeks } from './peeking.ts';
import { describeStatEach } from './statEachSuite.ts';
import { describeTombstones } from './tombstoneSuite.ts';
import { describeUnscoped } from './unscopedSuite.ts';
import { describeValidation } from './validationSuite.ts';

export interface SuiteOptions {
  /** Creates the cache under test, over a store that other tests may share. */
  create(): BlobDescriptorCacheProvider;
  /** Creates it over a store that fails; absent if no store could fail. */
  createFailing?: (() => BlobDescriptorCacheProvider) | undefined;
  skip?: boolean;
}

/** What every descriptor cache must do, whatever its store. */
export function describeDescriptorCache(name: string, { create, createFailing, skip = false }: SuiteOptions): void {
  describe.skipIf(skip)(`BlobDescriptorCacheProvider: ${name}`, () => {
    let clock: Clock;
    let ctx: TestContext;
    let provider: BlobDescriptorCacheProvider;
    let repository: RepositoryName;
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      provider = checkPeeks(create());
      repository = parseRepositoryName(uniqueName());
    });
    const blobs = () => provider.repositoryScoped(repository, 'blobs');
    const other = () => provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    const afterTombstone = () => clock.advance(CLOCK_SKEW_MS + 1);

    describe('stat and setDescriptor', () => {
      it('miss a digest that was never set', async () => {
        expect(await blobs().stat(ctx, uniqueDigest())).toBeUndefined();
      });

      it.each(['sha256', 'sha384', 'sha512'] as const)('return the entry that was set: %s', async (algorithm) => {
        const digest = uniqueDigest(algorithm);
        const entry = entryFor(digest, clock.now() - 1_000);
        await blobs().setDescriptor(ctx, digest, entry);
        expect(await blobs().stat(ctx, digest)).toEqual(entry);
      });

      it('keep the size of an empty blob and of one beyond 4 GiB', async () => {
        const empty = parseDigest('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
        for (const [digest, size] of [
          [empty, 0],
          [uniqueDigest(), 2 ** 40 + 1],
        ] as const) {
          await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now(), { size }));
          expect((await blobs().stat(ctx, digest))?.descriptor.size).toBe(size);
        }
      });

      it('keep the time at which the origin confirmed the entry, not the time of the write', async () => {
        const digest = uniqueDigest();
        const verifiedAt = clock.now();
        clock.advance(10_000);
        await blobs().setDescriptor(ctx, digest, entryFor(digest, verifiedAt));
        expect((await blobs().stat(ctx, digest))?.verifiedAt).toBe(verifiedAt);
      });

      it('keep the method that confirmed a manifest’s media type, until both methods have', async () => {
        const digest = uniqueDigest();
        const manifests = provider.repositoryScoped(repository, 'manifests');
        for (const more of [{ witness: 'HEAD' }, { witness: 'GET' }, {}] as const) {
          clock.advance(1);
          const entry = { ...entryFor(digest, clock.now()), ...more };
          await manifests.setDescriptor(ctx, digest, entry);
          expect(await manifests.stat(ctx, digest)).toEqual(entry);
        }
      });

      it('renew an entry that the origin confirmed again', async () => {
        const digest = uniqueDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        clock.advance(60_000);
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect((await blobs().stat(ctx, digest))?.verifiedAt).toBe(clock.now());
      });

      it('survive concurrent sets', async () => {
        const digests = Array.from({ length: 20 }, () => uniqueDigest());
        const twice = [...digests, ...digests];
        await Promise.all(twice.map((digest) => blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()))));
        const found = await Promise.all(digests.map((digest) => blobs().stat(ctx, digest)));
        expect(found.map((entry) => entry?.descriptor.digest)).toEqual(digests);
      });
    });

    describe('clear', () => {
      it('removes the entry, and can be repeated', async () => {
        const digest = uniqueDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await blobs().clear(ctx, digest);
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
        await blobs().clear(ctx, digest);
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });

      it('of a digest that was never set is no error', async () => {
        await expect(blobs().clear(ctx, uniqueDigest())).resolves.toBeUndefined();
      });

      it('is not undone by a late write of an entry that was confirmed before it', async () => {
        const digest = uniqueDigest();
        const before = entryFor(digest, clock.now());
        clock.advance(1_000);
        await blobs().clear(ctx, digest);
        clock.advance(60_000);
        await blobs().setDescriptor(ctx, digest, before);
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });

      it('is not undone by an entry that a fast clock confirmed before it', async () => {
        const digest = uniqueDigest();
        const ahead = entryFor(digest, clock.now() + CLOCK_SKEW_MS - 1);
        clock.advance(1);
        await blobs().clear(ctx, digest);
        await blobs().setDescriptor(ctx, digest, ahead);
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });

      it("is not undone by another repository's write", async () => {
        const digest = uniqueDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await blobs().clear(ctx, digest);
        afterTombstone();
        await other().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });

      it('hides what is confirmed within clearedForMs, and nothing after it', async () => {
        const digest = uniqueDigest();
        await blobs().clear(ctx, digest, 60_000);
        clock.advance(59_000);
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
        clock.advance(2_000);
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeDefined();
      });

      it('may follow a markDeleting: no entry counts, neither before the clear nor after it', async () => {
        const digest = uniqueDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await blobs().markDeleting(ctx, digest, 30_000);
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
        clock.advance(29_000);
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
        await blobs().clear(ctx, digest);
        afterTombstone();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeDefined();
      });

      it('ends when the origin confirms the digest again', async () => {
        const digest = uniqueDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await blobs().clear(ctx, digest);
        afterTombstone();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeDefined();
      });
    });

    describeIsolation(() => checkPeeks(create()));
    describeValidation(() => checkPeeks(create()));
    describeList(create);
    describeMany(create);
    describeStatEach(create);
    describeTombstones(create);
    if (create().unscoped) describeUnscoped(create);

    if (createFailing) {
      it('reports a failing store as a fault, never as a miss', async () => {
        const failing = createFailing().repositoryScoped(repository, 'blobs');
        const digest = uniqueDigest();
        const entry = entryFor(digest, clock.now());
        await expect(failing.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.setDescriptor(ctx, digest, entry)).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.clear(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.evict(ctx, [digest], ctx.now())).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.markEvicted(ctx, [digest], ctx.now())).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.clearEach(ctx, [digest])).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.clearPresent(ctx, [digest])).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.purge(ctx)).rejects.toBeInstanceOf(CacheFault);
      });
    }
  });
}
