import { beforeEach, describe, expect, it } from 'vitest';
import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import type { BlobDescriptorCacheProvider } from '../../src/stores/descriptors.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, someDigest, someName } from './digests.ts';
import { describeMany } from './manySuite.ts';
import { peeking } from './peeking.ts';
import { describeTombstones } from './tombstoneSuite.ts';
import { describeUnscoped } from './unscopedSuite.ts';

export interface SuiteOptions {
  /** A store that two isolates could share, or one of an isolate's own. */
  create(): BlobDescriptorCacheProvider;
  /** The same backend over a store that fails; absent: it has none that could. */
  createBroken?: (() => BlobDescriptorCacheProvider) | undefined;
  skip?: boolean;
}

/** What every descriptor cache must do, whatever is below it. A backend's test is one line. */
export function describeDescriptorCache(name: string, { create, createBroken, skip = false }: SuiteOptions): void {
  describe.skipIf(skip)(`BlobDescriptorCacheProvider: ${name}`, () => {
    let clock: Clock;
    let ctx: TestContext;
    let provider: BlobDescriptorCacheProvider;
    let repository: RepositoryName;
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      provider = peeking(create());
      repository = parseRepositoryName(someName());
    });
    const blobs = (name = repository) => provider.repositoryScoped(name, 'blobs');
    const other = () => provider.repositoryScoped(parseRepositoryName(someName()), 'blobs');
    const afterTombstone = () => clock.advance(CLOCK_SKEW_MS + 1);

    describe('stat and setDescriptor', () => {
      it('misses what was never set', async () => {
        expect(await blobs().stat(ctx, someDigest())).toBeUndefined();
      });

      it.each(['sha256', 'sha384', 'sha512'] as const)('give back the entry that was set: %s', async (algorithm) => {
        const digest = someDigest(algorithm);
        const entry = entryFor(digest, clock.now() - 1_000);
        await blobs().setDescriptor(ctx, digest, entry);
        expect(await blobs().stat(ctx, digest)).toEqual(entry);
      });

      it('keep the size of an empty blob and of one beyond 4 GiB', async () => {
        const empty = parseDigest('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
        for (const [digest, size] of [
          [empty, 0],
          [someDigest(), 2 ** 40 + 1],
        ] as const) {
          await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now(), { size }));
          expect((await blobs().stat(ctx, digest))?.descriptor.size).toBe(size);
        }
      });

      it('keep when the origin confirmed the entry, not when it was written', async () => {
        const digest = someDigest();
        const verifiedAt = clock.now();
        clock.advance(10_000);
        await blobs().setDescriptor(ctx, digest, entryFor(digest, verifiedAt));
        expect((await blobs().stat(ctx, digest))?.verifiedAt).toBe(verifiedAt);
      });

      it('keep by which method alone a manifest’s media type is known, until it is known by both', async () => {
        const digest = someDigest();
        const manifests = provider.repositoryScoped(repository, 'manifests');
        for (const more of [{ witness: 'HEAD' }, { witness: 'GET' }, {}] as const) {
          clock.advance(1);
          const entry = { ...entryFor(digest, clock.now()), ...more };
          await manifests.setDescriptor(ctx, digest, entry);
          expect(await manifests.stat(ctx, digest)).toEqual(entry);
        }
      });

      it('renew an entry that the origin confirmed again', async () => {
        const digest = someDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        clock.advance(60_000);
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect((await blobs().stat(ctx, digest))?.verifiedAt).toBe(clock.now());
      });

      it('survive sets at the same time', async () => {
        const digests = Array.from({ length: 20 }, () => someDigest());
        const twice = [...digests, ...digests];
        await Promise.all(twice.map((digest) => blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()))));
        const found = await Promise.all(digests.map((digest) => blobs().stat(ctx, digest)));
        expect(found.map((entry) => entry?.descriptor.digest)).toEqual(digests);
      });
    });

    describe('repositories', () => {
      it('do not see what another one has', async () => {
        const digest = someDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await other().stat(ctx, digest)).toBeUndefined();
      });

      it('keep media types of their own', async () => {
        const digest = someDigest();
        const [one, two] = [blobs(), other()];
        await one.setDescriptor(ctx, digest, entryFor(digest, clock.now(), { mediaType: 'application/octet-stream' }));
        await two.setDescriptor(ctx, digest, entryFor(digest, clock.now(), { mediaType: 'application/json' }));
        expect((await one.stat(ctx, digest))?.descriptor.mediaType).toBe('application/octet-stream');
        expect((await two.stat(ctx, digest))?.descriptor.mediaType).toBe('application/json');
      });

      it('keep their entry when another one clears the same digest', async () => {
        const digest = someDigest();
        const [one, two] = [blobs(), other()];
        await one.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await two.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await two.clear(ctx, digest);
        expect(await one.stat(ctx, digest)).toBeDefined();
        expect(await two.stat(ctx, digest)).toBeUndefined();
      });

      it('are not mixed up by names that share a beginning or contain the words of keys', async () => {
        const digest = someDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        for (const name of [`${repository}/blobs`, `${repository}/manifests`, repository.slice(0, -1)]) {
          expect(await blobs(parseRepositoryName(name)).stat(ctx, digest)).toBeUndefined();
        }
      });

      it('have two link sets that never answer for each other', async () => {
        const digest = someDigest();
        const manifests = provider.repositoryScoped(repository, 'manifests');
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await manifests.stat(ctx, digest)).toBeUndefined();
        await manifests.setDescriptor(ctx, digest, entryFor(digest, clock.now(), { mediaType: 'application/json' }));
        await blobs().clear(ctx, digest);
        expect((await manifests.stat(ctx, digest))?.descriptor.mediaType).toBe('application/json');
      });
    });

    describe('provisional digests', () => {
      let provisional: Digest;
      let canonical: Digest;
      beforeEach(async () => {
        provisional = someDigest('sha512');
        canonical = someDigest('sha256');
        await blobs().setDescriptor(ctx, provisional, entryFor(canonical, clock.now()));
      });

      it('answer with the canonical descriptor, and so does the canonical digest', async () => {
        expect((await blobs().stat(ctx, provisional))?.descriptor.digest).toBe(canonical);
        expect((await blobs().stat(ctx, canonical))?.descriptor.digest).toBe(canonical);
      });

      it('die with their canonical entry', async () => {
        await blobs().clear(ctx, canonical);
        expect(await blobs().stat(ctx, provisional)).toBeUndefined();
      });

      it('take their canonical entry with them when they are cleared', async () => {
        await blobs().clear(ctx, provisional);
        expect(await blobs().stat(ctx, canonical)).toBeUndefined();
        expect(await blobs().stat(ctx, provisional)).toBeUndefined();
      });

      it('stay dead when only the canonical entry comes back', async () => {
        await blobs().clear(ctx, canonical);
        afterTombstone();
        await blobs().setDescriptor(ctx, canonical, entryFor(canonical, clock.now()));
        expect(await blobs().stat(ctx, canonical)).toBeDefined();
        expect(await blobs().stat(ctx, provisional)).toBeUndefined();
      });
    });

    describe('what is not valid', () => {
      const invalid = 'sha256:zz' as Digest;

      it('is refused as a name', () => {
        for (const name of ['', 'UPPER', 'a//b', '../a', 'a'.repeat(256)]) {
          expect(() => blobs(name as RepositoryName)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
        }
      });

      it('is refused as a digest', async () => {
        const entry = entryFor(someDigest(), clock.now());
        const refusal = { code: 'DIGEST_INVALID' };
        await expect(blobs().stat(ctx, invalid)).rejects.toMatchObject(refusal);
        await expect(blobs().clear(ctx, invalid)).rejects.toMatchObject(refusal);
        await expect(blobs().setDescriptor(ctx, invalid, entry)).rejects.toMatchObject(refusal);
      });

      it('is refused as a digest of the same algorithm and another value', async () => {
        const digest = someDigest();
        const wrong = entryFor(someDigest(), clock.now());
        await expect(blobs().setDescriptor(ctx, digest, wrong)).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });

      it.each([
        [{ size: 0 }, 'SIZE_INVALID'],
        [{ size: -1 }, 'SIZE_INVALID'],
        [{ size: 1.5 }, 'SIZE_INVALID'],
        [{ size: Number.NaN }, 'SIZE_INVALID'],
        [{ size: '7' as unknown as number }, 'SIZE_INVALID'],
        [{ mediaType: '' }, 'MANIFEST_INVALID'],
        [{ mediaType: 'no type' }, 'MANIFEST_INVALID'],
        [{ mediaType: 'text/plain\r\nx-evil: 1' }, 'MANIFEST_INVALID'],
        [{ mediaType: `a/${'b'.repeat(300)}` }, 'MANIFEST_INVALID'],
        [{ digest: invalid }, 'DIGEST_INVALID'],
      ])('is refused as a descriptor: %j', async (changes, code) => {
        const digest = someDigest();
        const entry = entryFor(digest, clock.now(), changes);
        await expect(blobs().setDescriptor(ctx, digest, entry)).rejects.toMatchObject({ code });
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });
    });

    describe('clear', () => {
      it('removes the entry, and may be repeated', async () => {
        const digest = someDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await blobs().clear(ctx, digest);
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
        await blobs().clear(ctx, digest);
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });

      it('is no error for what was never set', async () => {
        await expect(blobs().clear(ctx, someDigest())).resolves.toBeUndefined();
      });

      it('is not undone by a late write of what was confirmed before it', async () => {
        const digest = someDigest();
        const confirmedBefore = entryFor(digest, clock.now());
        clock.advance(1_000);
        await blobs().clear(ctx, digest);
        clock.advance(60_000);
        await blobs().setDescriptor(ctx, digest, confirmedBefore);
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });

      it('is not undone by what a clock that runs ahead confirmed before it', async () => {
        const digest = someDigest();
        const ahead = entryFor(digest, clock.now() + CLOCK_SKEW_MS - 1);
        clock.advance(1);
        await blobs().clear(ctx, digest);
        await blobs().setDescriptor(ctx, digest, ahead);
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });

      it("is not undone by another repository's write", async () => {
        const digest = someDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await blobs().clear(ctx, digest);
        afterTombstone();
        await other().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });

      it('buries for as long as it is told to reach', async () => {
        const digest = someDigest();
        await blobs().clear(ctx, digest, 60_000);
        clock.advance(59_000);
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
        clock.advance(2_000);
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeDefined();
      });

      it('may bury first: nothing counts, before and after what remains is cleared', async () => {
        const digest = someDigest();
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

      it('ends where the origin confirms the digest anew', async () => {
        const digest = someDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await blobs().clear(ctx, digest);
        afterTombstone();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await blobs().stat(ctx, digest)).toBeDefined();
      });
    });

    describeMany(create);
    describeTombstones(create);
    if (create().unscoped) describeUnscoped(create);

    if (createBroken) {
      it('a store that fails is a fault, never a miss', async () => {
        const broken = createBroken().repositoryScoped(repository, 'blobs');
        const digest = someDigest();
        const entry = entryFor(digest, clock.now());
        await expect(broken.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.setDescriptor(ctx, digest, entry)).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.clear(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.evict(ctx, [digest], ctx.now())).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.markEvicted(ctx, [digest], ctx.now())).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.clearEach(ctx, [digest])).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.clearPresent(ctx, [digest])).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.purge(ctx)).rejects.toBeInstanceOf(CacheFault);
      });
    }
  });
}
