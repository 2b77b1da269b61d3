import { beforeEach, describe, expect, it } from 'vitest';
import { createTags } from '../../src/cache/tags.ts';
import { tiered } from '../../src/cache/tiered.ts';
import type { Entry } from '../../src/oci/descriptor.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import type { Stored } from '../../src/stores/records.ts';
import type { TagRecords, TagTarget } from '../../src/stores/tagRecords.ts';
import { contextOf, createClock, type TestContext } from '../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../support/digests.ts';
import { HOUR_MS, openDurable, openTier } from '../support/stores.ts';

const digest = uniqueDigest('sha512');
const key = { name: parseRepositoryName(uniqueName()), tag: 'latest', variant: '' };
const NOW = Date.now();
const entry = entryFor(digest, NOW);

let ctx: TestContext;
beforeEach(() => {
  ctx = contextOf(createClock(NOW));
});

/** Reads a tag from a store that returns its manifest in the same request. */
function read(manifest: Stored<Entry> | undefined) {
  const stored: Stored<TagTarget> = { value: { digest, verifiedAt: NOW, manifest }, clearedUntil: 0 };
  const records = { read: async () => [stored] } as Partial<TagRecords> as TagRecords;
  return createTags('store', records).get(ctx, key);
}

describe('a manifest that a store returned with its tag', () => {
  it('has been read if its entry counts', async () => {
    expect((await read({ value: entry, clearedUntil: 0 }))?.manifest).toEqual({ entry });
  });

  it('has been read, and is a miss, if there is no entry, or a tombstone hides it', async () => {
    expect((await read({ value: undefined, clearedUntil: 0 }))?.manifest).toEqual({ entry: undefined });
    expect((await read({ value: entry, clearedUntil: NOW }))?.manifest).toEqual({ entry: undefined });
    expect(ctx.events).toContainEqual({ kind: 'tombstone', until: NOW });
  });

  it.each([
    ['the store has not read it', undefined],
    ['it is an alias, which depends on another entry', entryFor(uniqueDigest('sha256'), NOW)],
    ['its size is malformed', entryFor(digest, NOW, { size: -1 })],
    ['its media type is malformed', entryFor(digest, NOW, { mediaType: 'none' })],
  ])('has yet to be read if %s', async (_why, value) => {
    const found = await read(value && { value, clearedUntil: 0 });
    expect(found?.digest).toBe(digest);
    expect(found?.manifest).toBeUndefined();
  });

  it('is copied into the memory in front of the store', async () => {
    const [near, far] = [openTier(HOUR_MS), openDurable()];
    await far.descriptors.repositoryScoped(key.name, 'manifests').setDescriptor(ctx, digest, entry);
    await far.tags?.set(ctx, key, { digest, verifiedAt: NOW });
    expect((await tiered(near, far).tags?.get(ctx, key))?.manifest).toEqual({ entry });
    expect(await near.descriptors.repositoryScoped(key.name, 'manifests').stat(ctx, digest)).toEqual(entry);
  });
});
