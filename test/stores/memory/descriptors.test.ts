import { describe, expect, it } from 'vitest';
import { createMemory } from '../../../src/isolate/memory.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { createInMemoryDescriptors } from '../../../src/stores/memory/descriptors.ts';
import { clearingAhead, clearingUpTo } from '../../../src/stores/tombstone.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { openMemory, openTier } from '../../support/stores.ts';

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

  it('keeps an answer that arrives late no longer than one that arrived at once', async () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const scoped = openTier(30_000).descriptors.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    const digest = uniqueDigest();
    clock.advance(10_000);
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.startedAt));
    clock.advance(19_999);
    expect(await scoped.stat(ctx, digest)).toBeDefined();
    clock.advance(1);
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
  });

  it('leaves the global records to the store behind it, as a tier', async () => {
    const ctx = contextOf(createClock());
    const memory = createMemory({ entries: 100, bytes: 1_048_576 });
    const name = parseRepositoryName(uniqueName());
    const digest = uniqueDigest();
    const scoped = openTier(30_000, memory).descriptors.repositoryScoped(name, 'blobs');
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect(memory.part('descriptor').keys('')).toEqual([`blobs ${name} ${digest}`]);
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

  it('keeps an entry that was confirmed after a clear, whatever late answer arrives then', async () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const scoped = create().repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    const digest = uniqueDigest();
    const before = entryFor(digest, clock.now());
    await scoped.clear(ctx, digest);
    clock.advance(60_000);
    const after = entryFor(digest, clock.now());
    for (const entry of [after, before]) await scoped.setDescriptor(ctx, digest, entry);
    expect(await scoped.stat(ctx, digest)).toEqual(after);
  });

  it('writes no tombstones that the one of a purge covers: they would push out those of other repositories', async () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const provider = create();
    const [purged, other] = [uniqueName(), uniqueName()].map((name) =>
      provider.repositoryScoped(parseRepositoryName(name), 'blobs'),
    );
    const digest = uniqueDigest();
    await other?.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    await purged?.purge(ctx);
    for (let n = 0; n < 1_100; n++) await purged?.markDeleting(ctx, uniqueDigest());
    expect(await other?.stat(ctx, digest)).toBeDefined();
  });

  describe('records', () => {
    const setup = () => {
      const memory = createMemory({ entries: 100, bytes: 1_048_576 });
      const { descriptors } = createInMemoryDescriptors(memory, { ttlMs: 30_000, keepsGlobal: false });
      const records = descriptors(parseRepositoryName(uniqueName()), 'blobs');
      const { clearAll } = records;
      if (!clearAll) throw new TypeError('memory clears a repository step by step');
      const clock = createClock();
      return { clock, ctx: contextOf(clock), records, clearAll };
    };

    it('spare what was confirmed after an eviction, but not after a clear', async () => {
      const { clock, ctx, records } = setup();
      const [before, after] = [uniqueDigest(), uniqueDigest()];
      const sentAtMs = clock.now();
      await records.write(ctx, new Set([before]), entryFor(before, sentAtMs));
      await records.write(ctx, new Set([after]), entryFor(after, sentAtMs + 1));
      await records.clear(ctx, [before, after], clearingUpTo(sentAtMs));
      const stored = await records.read(ctx, [before, after]);
      expect(stored.map((record) => 'value' in record && record.value)).toEqual([
        undefined,
        entryFor(after, sentAtMs + 1),
      ]);
      await records.clear(ctx, [after], { until: sentAtMs, sparesLater: false });
      expect(await records.read(ctx, [after])).toMatchObject([{ value: undefined }]);
    });

    it('are cleared in steps of as many as wanted, the last of which knows that it is the last', async () => {
      const { clock, ctx, records, clearAll } = setup();
      const digests = Array.from({ length: 4 }, () => uniqueDigest());
      for (const digest of digests) await records.write(ctx, new Set([digest]), entryFor(digest, clock.now()));
      const steps = [];
      for (let n = 0; n < 2; n++) steps.push(await clearAll(ctx, clearingAhead(clock.now()), 2));
      expect(steps.map(({ counted, isMore }) => [counted.length, isMore])).toEqual([
        [2, true],
        [2, false],
      ]);
    });
  });
});
