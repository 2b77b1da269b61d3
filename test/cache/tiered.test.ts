import { describe, expect, it } from 'vitest';
import { createBreaker, guarded } from '../../src/cache/guarded.ts';
import { lookUp } from '../../src/cache/lookup.ts';
import type { BlobDescriptorCacheProvider } from '../../src/cache/provider.ts';
import { tiered } from '../../src/cache/tiered.ts';
import { tieredDescriptors } from '../../src/cache/tieredDescriptors.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import { contextOf, createClock } from '../support/context.ts';
import { describeDescriptorCache } from '../support/descriptorCacheSuite.ts';
import { entryFor, uniqueDigest, uniqueName } from '../support/digests.ts';
import { FAILING_KV } from '../support/kvStore.ts';
import { HOUR_MS, openDurable, openKv, openMemory, openTier } from '../support/stores.ts';

const memory = () => openMemory().descriptors;
const failing: BlobDescriptorCacheProvider = {
  isAtomic: false,
  peek: undefined,
  unscoped: undefined,
  repositoryScoped: () => ({
    batch: 1,
    stat: () => Promise.reject(new Error('down')),
    statEach: () => Promise.reject(new Error('down')),
    setDescriptor: () => Promise.reject(new Error('down')),
    clear: () => Promise.reject(new Error('down')),
    markDeleting: () => Promise.reject(new Error('down')),
    evict: () => Promise.reject(new Error('down')),
    markEvicted: () => Promise.reject(new Error('down')),
    clearEach: () => Promise.reject(new Error('down')),
    clearPresent: () => Promise.reject(new Error('down')),
    list: () => Promise.reject(new Error('down')),
    purge: () => Promise.reject(new Error('down')),
  }),
};

describeDescriptorCache('tiered: memory before kv', {
  create: () => tiered(openTier(HOUR_MS), openKv()).descriptors,
});
describeDescriptorCache('tiered: memory before durable', {
  create: () => tiered(openTier(HOUR_MS), openDurable()).descriptors,
});
describeDescriptorCache('tiered: memory before memory', {
  create: () => tiered(openTier(HOUR_MS), openMemory()).descriptors,
});
describeDescriptorCache('guarded: memory', {
  create: () => guarded(createBreaker(), openMemory()).descriptors,
});

describe('tiered', () => {
  const setup = () => {
    const clock = createClock(Date.now());
    return { clock, ctx: contextOf(clock), name: parseRepositoryName(uniqueName()), digest: uniqueDigest() };
  };

  it('copies into the near store what the far one returns', async () => {
    const { ctx, clock, name, digest } = setup();
    const [near, far] = [memory(), memory()];
    await far.repositoryScoped(name, 'blobs').setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    await tieredDescriptors(near, far).repositoryScoped(name, 'blobs').stat(ctx, digest);
    expect(await near.repositoryScoped(name, 'blobs').stat(ctx, digest)).toBeDefined();
  });

  it('does not write to the near store what an object refused, whose clock is right where this one is not', async () => {
    const { ctx, clock, name, digest } = setup();
    const near = memory();
    const scoped = tieredDescriptors(near, openDurable().descriptors).repositoryScoped(name, 'blobs');
    const look = await lookUp(ctx, { stat: () => scoped.stat(ctx, digest) });
    const lookedAt = look.outcome === 'fault' ? undefined : look.lookedAt;
    // Another isolate, whose clock is right, clears; the clock of this one is ahead by a minute.
    await openDurable().descriptors.repositoryScoped(name, 'blobs').clear(ctx, digest);
    const entry = entryFor(digest, clock.now() + 60_000);
    expect(await scoped.setDescriptor(ctx, digest, entry, lookedAt)).toBe('refused');
    expect(await near.repositoryScoped(name, 'blobs').stat(ctx, digest)).toBeUndefined();
    // Without the object's own time, the clock that is ahead would have been believed.
    expect(await scoped.setDescriptor(ctx, digest, entry)).toBeUndefined();
  });

  it('does not write to the near store what the far one rejected', async () => {
    const { ctx, clock, name, digest } = setup();
    const near = memory();
    const scoped = tieredDescriptors(near, failing).repositoryScoped(name, 'blobs');
    await expect(scoped.setDescriptor(ctx, digest, entryFor(digest, clock.now()))).rejects.toThrow('down');
    expect(await near.repositoryScoped(name, 'blobs').stat(ctx, digest)).toBeUndefined();
  });

  it('clears the near store even if the far one fails, and throws', async () => {
    const { ctx, clock, name, digest } = setup();
    const near = memory();
    await near.repositoryScoped(name, 'blobs').setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    await expect(tieredDescriptors(near, failing).repositoryScoped(name, 'blobs').clear(ctx, digest)).rejects.toThrow(
      'down',
    );
    expect(await near.repositoryScoped(name, 'blobs').stat(ctx, digest)).toBeUndefined();
  });

  it('hides an evicted entry of the far store from the near one until the request was sent, and no longer', async () => {
    const { ctx, clock, name, digest } = setup();
    const [near, far] = [memory(), memory()];
    const before = entryFor(digest, clock.now());
    await far.repositoryScoped(name, 'blobs').setDescriptor(ctx, digest, before);
    const scoped = tieredDescriptors(near, far).repositoryScoped(name, 'blobs');
    const sentAtMs = clock.now();
    clock.advance(1);
    expect(await scoped.evict(ctx, [digest], sentAtMs)).toEqual(new Set([digest]));
    const nearBlobs = near.repositoryScoped(name, 'blobs');
    await nearBlobs.setDescriptor(ctx, digest, before);
    expect(await nearBlobs.stat(ctx, digest)).toBeUndefined();
    // The next request to the origin may find the blob again, since it may have been uploaded.
    await scoped.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    expect(await nearBlobs.stat(ctx, digest)).toBeDefined();
    expect(await scoped.stat(ctx, digest)).toBeDefined();
  });

  it('keeps an entry out of the near store that a stat read from the far one before the clear', async () => {
    const { ctx, clock, name, digest } = setup();
    const far = memory();
    await far.repositoryScoped(name, 'blobs').setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    const gate = Promise.withResolvers<void>();
    const slow: BlobDescriptorCacheProvider = {
      ...far,
      repositoryScoped(of, links) {
        const scoped = far.repositoryScoped(of, links);
        return {
          ...scoped,
          async stat(...call) {
            const entry = await scoped.stat(...call);
            await gate.promise;
            return entry;
          },
        };
      },
    };
    const scoped = tieredDescriptors(memory(), slow).repositoryScoped(name, 'blobs');
    const inProgress = scoped.stat(ctx, digest);
    await scoped.clear(ctx, digest);
    gate.resolve();
    await inProgress;
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
  });
});

describe('createCache', () => {
  it('emits every stat with its store and outcome', async () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const digest = uniqueDigest();
    const name = parseRepositoryName(uniqueName());
    const scoped = memory().repositoryScoped(name, 'blobs');
    await scoped.stat(ctx, digest);
    await scoped.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    await scoped.stat(ctx, digest);
    await expect(
      openKv({}, FAILING_KV).descriptors.repositoryScoped(name, 'blobs').stat(ctx, digest),
    ).rejects.toBeInstanceOf(CacheFault);
    expect(ctx.events).toEqual([
      { kind: 'stat', store: 'memory', outcome: 'miss', ms: 0 },
      { kind: 'stat', store: 'memory', outcome: 'hit', ms: 0 },
      { kind: 'stat', store: 'kv', outcome: 'fault', ms: 0 },
    ]);
  });
});
