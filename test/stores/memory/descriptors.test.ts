import { describe, expect, it } from 'vitest';
import { createMemory } from '../../../src/isolate/memory.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { openMemory } from '../../support/stores.ts';

const create = (entries = 1_000, ttlMs = 3_600_000) =>
  openMemory({ memory: createMemory({ entries, bytes: 1_048_576 }), retentionMs: ttlMs }).descriptors;

describe('createInMemoryDescriptors', () => {
  it('returns an entry for ttlMs and no longer', async () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const scoped = create(10, 30_000).repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    const digest = uniqueDigest();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    clock.advance(29_999);
    expect(await scoped.stat(ctx, digest)).toBeDefined();
    clock.advance(1);
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
  });

  it('peeks at the entry that stat would return, but not at an alias, which depends on another entry', async () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const provider = create();
    const name = parseRepositoryName(uniqueName());
    const [digest, alias] = [uniqueDigest(), uniqueDigest('sha512')];
    const entry = entryFor(digest, clock.now());
    await provider.repositoryScoped(name, 'blobs').setDescriptor(ctx, alias, entry);
    expect(provider.peek?.(ctx, name, 'blobs', digest)).toEqual(entry);
    expect(provider.peek?.(ctx, name, 'blobs', alias)).toBeUndefined();
    expect(provider.peek?.(ctx, name, 'manifests', digest)).toBeUndefined();
    expect(provider.peek?.(ctx, parseRepositoryName(uniqueName()), 'blobs', digest)).toBeUndefined();
  });

  it('revives no entry when a flood of clears evicts its tombstone', async () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const scoped = create().repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    const digest = uniqueDigest();
    const before = entryFor(digest, clock.now());
    clock.advance(1);
    await scoped.clear(ctx, digest);
    for (let n = 0; n < 1_100; n++) await scoped.clear(ctx, uniqueDigest());
    await scoped.setDescriptor(ctx, digest, before);
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
  });
});
