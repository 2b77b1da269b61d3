import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider } from '../../src/cache/provider.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';

/** What every descriptor cache must reject: a part of its suite. */
export function describeValidation(create: () => BlobDescriptorCacheProvider): void {
  describe('validation', () => {
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

    describe('invalid input', () => {
      const invalid = 'sha256:zz' as Digest;

      it('is rejected as a name', () => {
        for (const name of ['', 'UPPER', 'a//b', '../a', 'a'.repeat(256)]) {
          expect(() => blobs(name as RepositoryName)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
        }
      });

      it('is rejected as a digest', async () => {
        const entry = entryFor(uniqueDigest(), clock.now());
        const rejection = { code: 'DIGEST_INVALID' };
        await expect(blobs().stat(ctx, invalid)).rejects.toMatchObject(rejection);
        await expect(blobs().clear(ctx, invalid)).rejects.toMatchObject(rejection);
        await expect(blobs().setDescriptor(ctx, invalid, entry)).rejects.toMatchObject(rejection);
      });

      it('is rejected if the entry names another digest of the same algorithm', async () => {
        const digest = uniqueDigest();
        const wrong = entryFor(uniqueDigest(), clock.now());
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
      ])('is rejected as a descriptor: %j', async (changes, code) => {
        const digest = uniqueDigest();
        const entry = entryFor(digest, clock.now(), changes);
        await expect(blobs().setDescriptor(ctx, digest, entry)).rejects.toMatchObject({ code });
        expect(await blobs().stat(ctx, digest)).toBeUndefined();
      });
    });
  });
}
