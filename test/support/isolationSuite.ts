import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider } from '../../src/cache/provider.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';

/** Which entries depend on each other, and which must not: a part of the suite of every descriptor cache. */
export function describeIsolation(create: () => BlobDescriptorCacheProvider): void {
  describe('isolation', () => {
    let clock: Clock;
    let ctx: TestContext;
    let provider: BlobDescriptorCacheProvider;
    let repository: RepositoryName;
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      provider = create();
      repository = parseRepositoryName(uniqueName());
    });
    const blobs = (name = repository) => provider.repositoryScoped(name, 'blobs');
    const other = () => provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    const afterTombstone = () => clock.advance(CLOCK_SKEW_MS + 1);

    describe('repositories', () => {
      it('do not see entries of another repository', async () => {
        const digest = uniqueDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await other().stat(ctx, digest)).toBeUndefined();
      });

      it('have media types of their own', async () => {
        const digest = uniqueDigest();
        const [one, two] = [blobs(), other()];
        await one.setDescriptor(ctx, digest, entryFor(digest, clock.now(), { mediaType: 'application/octet-stream' }));
        await two.setDescriptor(ctx, digest, entryFor(digest, clock.now(), { mediaType: 'application/json' }));
        expect((await one.stat(ctx, digest))?.descriptor.mediaType).toBe('application/octet-stream');
        expect((await two.stat(ctx, digest))?.descriptor.mediaType).toBe('application/json');
      });

      it('keep their entry when another repository clears the same digest', async () => {
        const digest = uniqueDigest();
        const [one, two] = [blobs(), other()];
        await one.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await two.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        await two.clear(ctx, digest);
        expect(await one.stat(ctx, digest)).toBeDefined();
        expect(await two.stat(ctx, digest)).toBeUndefined();
      });

      it('are not confused by names that share a prefix or contain parts of keys', async () => {
        const digest = uniqueDigest();
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        for (const name of [`${repository}/blobs`, `${repository}/manifests`, repository.slice(0, -1)]) {
          expect(await blobs(parseRepositoryName(name)).stat(ctx, digest)).toBeUndefined();
        }
      });

      it('have two link sets that never answer for each other', async () => {
        const digest = uniqueDigest();
        const manifests = provider.repositoryScoped(repository, 'manifests');
        await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
        expect(await manifests.stat(ctx, digest)).toBeUndefined();
        await manifests.setDescriptor(ctx, digest, entryFor(digest, clock.now(), { mediaType: 'application/json' }));
        await blobs().clear(ctx, digest);
        expect((await manifests.stat(ctx, digest))?.descriptor.mediaType).toBe('application/json');
      });
    });

    describe('aliases', () => {
      let alias: Digest;
      let canonical: Digest;
      beforeEach(async () => {
        alias = uniqueDigest('sha512');
        canonical = uniqueDigest('sha256');
        await blobs().setDescriptor(ctx, alias, entryFor(canonical, clock.now()));
      });

      it('answer with the canonical descriptor, and so does the canonical digest', async () => {
        expect((await blobs().stat(ctx, alias))?.descriptor.digest).toBe(canonical);
        expect((await blobs().stat(ctx, canonical))?.descriptor.digest).toBe(canonical);
      });

      it('are cleared with their canonical entry', async () => {
        await blobs().clear(ctx, canonical);
        expect(await blobs().stat(ctx, alias)).toBeUndefined();
      });

      it('clear their canonical entry with them', async () => {
        await blobs().clear(ctx, alias);
        expect(await blobs().stat(ctx, canonical)).toBeUndefined();
        expect(await blobs().stat(ctx, alias)).toBeUndefined();
      });

      it('stay cleared when only the canonical entry is set again', async () => {
        await blobs().clear(ctx, canonical);
        afterTombstone();
        await blobs().setDescriptor(ctx, canonical, entryFor(canonical, clock.now()));
        expect(await blobs().stat(ctx, canonical)).toBeDefined();
        expect(await blobs().stat(ctx, alias)).toBeUndefined();
      });
    });
  });
}
