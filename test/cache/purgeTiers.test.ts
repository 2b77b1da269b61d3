import { describe, expect, it } from 'vitest';
import type { RepositoryDescriptors } from '../../src/cache/provider.ts';
import type { Tags } from '../../src/cache/tags.ts';
import { tieredDescriptors } from '../../src/cache/tieredDescriptors.ts';
import { createMemory, type Memory } from '../../src/isolate/memory.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { contextOf, createClock, type TestContext } from '../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../support/digests.ts';
import { HOUR_MS, openMemory, openTier, STORES } from '../support/stores.ts';

const LARGE = { entries: 1_000_000, bytes: 2 ** 30 };

/** Wraps a memory to count the walks over it. */
function walked(memory: Memory): Memory & { walks: number } {
  const counting: Memory & { walks: number } = {
    walks: 0,
    ofUpstream: () => counting,
    part<V extends object>(name: string) {
      const part = memory.part<V>(name);
      const keys = (prefix: string) => {
        counting.walks += 1;
        return part.keys(prefix);
      };
      return { ...part, keys };
    },
  };
  return counting;
}

async function purgeAll(ctx: TestContext, scope: RepositoryDescriptors): Promise<Digest[]> {
  const removed: Digest[] = [];
  let cursor: string | undefined;
  do {
    const page = await scope.purge(ctx, cursor);
    removed.push(...page.removed);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return removed.sort();
}

describe('purge of memory', () => {
  it('walks over the memory once, however many entries there are, and returns all of them', async () => {
    const ctx = contextOf(createClock());
    const memory = walked(createMemory(LARGE));
    const { descriptors: provider } = openMemory({ memory });
    const name = parseRepositoryName('a/b');
    const scope = provider.repositoryScoped(name, 'blobs');
    const other = provider.repositoryScoped(parseRepositoryName('a/c'), 'blobs');
    const digests = Array.from({ length: 100_000 }, () => uniqueDigest());
    for (const digest of digests) await scope.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await other.setDescriptor(ctx, digests[0] as Digest, entryFor(digests[0] as Digest, ctx.now()));
    expect((await purgeAll(ctx, scope)).length).toBe(digests.length);
    expect(memory.walks).toBe(1);
    // One tombstone per digest would have evicted other tombstones, and so hidden the entries of other repositories.
    expect(await other.stat(ctx, digests[0] as Digest)).toBeDefined();
    expect(await purgeAll(ctx, scope)).toEqual([]);
  });

  it('walks over the memory once for pointers and once for notes, and leaves other repositories alone', async () => {
    const ctx = contextOf(createClock());
    const memory = walked(createMemory(LARGE));
    const tags = openMemory({ memory }).tags as Tags;
    const [name, other] = [parseRepositoryName('a/b'), parseRepositoryName('a/c')];
    const pointer = { digest: uniqueDigest(), verifiedAt: ctx.now() };
    for (let n = 0; n < 3_000; n++) await tags.set(ctx, { name, tag: `t${n}`, variant: '' }, pointer);
    await tags.set(ctx, { name: other, tag: 't0', variant: '' }, pointer);
    expect(await tags.purge(ctx, [name])).toEqual({ removed: 3_000 });
    expect(memory.walks).toBe(2);
    expect(await tags.get(ctx, { name: other, tag: 't0', variant: '' })).toEqual(pointer);
  });
});

describe.each(STORES)('purge of memory before $name', ({ open }) => {
  const create = () => open().descriptors;

  it('returns every entry once, whether it is in both tiers or in one', async () => {
    const ctx = contextOf(createClock(Date.now()));
    const name = parseRepositoryName(uniqueName());
    const [near, far] = [openTier(HOUR_MS).descriptors, create()];
    const [nearby, remote] = [near, far].map((provider) => provider.repositoryScoped(name, 'blobs'));
    const set = (scope: RepositoryDescriptors | undefined, digest: Digest) =>
      scope?.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    const some = (count: number) => Array.from({ length: count }, () => uniqueDigest());
    const [inBoth, onlyNear, onlyFar] = [some(70), some(20), some(70)];
    for (const digest of [...inBoth, ...onlyNear]) await set(nearby, digest);
    for (const digest of [...inBoth, ...onlyFar]) await set(remote, digest);
    const hidden = uniqueDigest();
    for (const scope of [nearby, remote]) await set(scope, hidden);
    const both = tieredDescriptors(near, far).repositoryScoped(name, 'blobs');
    await both.markDeleting(ctx, hidden, 60_000);
    expect(await purgeAll(ctx, both)).toEqual([...inBoth, ...onlyNear, ...onlyFar].sort());
    expect(await purgeAll(ctx, both)).toEqual([]);
    for (const digest of [...inBoth, ...onlyNear, ...onlyFar]) expect(await both.stat(ctx, digest)).toBeUndefined();
  });

  it('keeps an entry out of memory that a stat in progress read from the store', async () => {
    const clock = createClock(Date.now());
    const ctx = contextOf(clock);
    const name = parseRepositoryName(uniqueName());
    const digest = uniqueDigest();
    const [near, far] = [openTier(HOUR_MS).descriptors, create()];
    const both = tieredDescriptors(near, far).repositoryScoped(name, 'blobs');
    await far.repositoryScoped(name, 'blobs').setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    const read = await far.repositoryScoped(name, 'blobs').stat(ctx, digest);
    clock.advance(1);
    expect(await purgeAll(ctx, both)).toEqual([digest]);
    if (read) await near.repositoryScoped(name, 'blobs').setDescriptor(ctx, digest, read);
    expect(await both.stat(ctx, digest)).toBeUndefined();
  });

  it('leaves nothing in memory that was confirmed between two of its pages and is cleared in the store', async () => {
    const clock = createClock(Date.now());
    const ctx = contextOf(clock);
    const name = parseRepositoryName(uniqueName());
    const digest = uniqueDigest();
    const [near, far] = [openTier(HOUR_MS).descriptors, create()];
    const both = tieredDescriptors(near, far).repositoryScoped(name, 'blobs');
    let { cursor } = await both.purge(ctx);
    clock.advance(10_000);
    await both.setDescriptor(ctx, digest, entryFor(digest, clock.now()));
    while (cursor !== undefined) cursor = (await both.purge(ctx, cursor)).cursor;
    const [inMemory, inStore] = [near, far].map((provider) =>
      provider.repositoryScoped(name, 'blobs').stat(ctx, digest),
    );
    expect(await inMemory).toEqual(await inStore);
  });
});
