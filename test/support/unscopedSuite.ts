import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider } from '../../src/cache/provider.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';

/** What the global records of a descriptor cache must do, if it has any. */
export function describeUnscoped(create: () => BlobDescriptorCacheProvider): void {
  describe('the unscoped service', () => {
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
    const blobs = () => provider.repositoryScoped(repository, 'blobs');
    const other = () => provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    const afterTombstone = () => clock.advance(CLOCK_SKEW_MS + 1);

    const global = () => {
      const service = provider.unscoped?.('blobs');
      if (!service) throw new Error('no unscoped service');
      return service;
    };

    it('returns what any repository set, as never confirmed', async () => {
      const digest = uniqueDigest();
      expect(await global().stat(ctx, digest)).toBeUndefined();
      await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
      expect(await global().stat(ctx, digest)).toEqual(entryFor(digest, 0));
    });

    it('keeps the media type that was set first, whatever other repositories set', async () => {
      const digest = uniqueDigest();
      await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now(), { mediaType: 'application/json' }));
      await other().setDescriptor(ctx, digest, entryFor(digest, clock.now(), { mediaType: 'text/plain' }));
      expect((await global().stat(ctx, digest))?.descriptor.mediaType).toBe('application/json');
    });

    it('makes no digest a member of a repository', async () => {
      const digest = uniqueDigest();
      await global().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
      expect(await global().stat(ctx, digest)).toBeDefined();
      expect(await blobs().stat(ctx, digest)).toBeUndefined();
    });

    it('clears a digest in every repository at once, until each entry is confirmed again', async () => {
      const digest = uniqueDigest();
      const [one, two] = [blobs(), other()];
      const before = entryFor(digest, clock.now());
      for (const scoped of [one, two]) await scoped.setDescriptor(ctx, digest, before);
      await global().clear(ctx, digest);
      expect(await global().stat(ctx, digest)).toBeUndefined();
      for (const scoped of [one, two]) expect(await scoped.stat(ctx, digest)).toBeUndefined();
      afterTombstone();
      await one.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
      expect(await one.stat(ctx, digest)).toBeDefined();
      expect(await two.stat(ctx, digest)).toBeUndefined();
      await two.setDescriptor(ctx, digest, before);
      expect(await two.stat(ctx, digest)).toBeUndefined();
    });

    it('returns an alias that was set together with its canonical digest', async () => {
      const [alias, canonical] = [uniqueDigest('sha512'), uniqueDigest()];
      await global().setDescriptor(ctx, alias, entryFor(canonical, clock.now()));
      const { descriptor } = entryFor(canonical, 0);
      for (const digest of [alias, canonical]) expect(await global().stat(ctx, digest)).toMatchObject({ descriptor });
    });

    it('hides a digest that is being deleted in every repository', async () => {
      const digest = uniqueDigest();
      const scopes = [blobs(), other()];
      for (const scoped of scopes) await scoped.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
      await global().markDeleting(ctx, digest);
      for (const scoped of scopes) expect(await scoped.stat(ctx, digest)).toBeUndefined();
    });

    it('has a digest again that is set after a clear', async () => {
      const digest = uniqueDigest();
      await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
      await global().clear(ctx, digest);
      afterTombstone();
      await blobs().setDescriptor(ctx, digest, entryFor(digest, clock.now()));
      expect(await global().stat(ctx, digest)).toEqual(entryFor(digest, 0));
    });

    it('clears neither other digests nor the other link set', async () => {
      const [digest, spared] = [uniqueDigest(), uniqueDigest()];
      const manifests = provider.repositoryScoped(repository, 'manifests');
      await blobs().setDescriptor(ctx, spared, entryFor(spared, clock.now()));
      await manifests.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
      await global().clear(ctx, digest);
      expect(await blobs().stat(ctx, spared)).toBeDefined();
      expect(await manifests.stat(ctx, digest)).toBeDefined();
    });
  });
}
