import { describe, expect, it } from 'vitest';
import type { Contents } from '../../src/cache/contents.ts';
import { createBreaker, guarded } from '../../src/cache/guarded.ts';
import type { BlobDescriptorCacheProvider } from '../../src/cache/provider.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { BadRecord, CacheFault } from '../../src/stores/faults.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, uniqueDigest } from '../support/digests.ts';
import { cacheWith } from '../support/stores.ts';

/** A store that fails until `isWell` is set, and counts its requests. */
function setup() {
  const clock = createClock();
  const ctx = contextOf(clock);
  const digest = uniqueDigest();
  const store = { isWell: false, stats: 0, clears: 0 };
  const answer = async <T>(value: T): Promise<T> => {
    if (!store.isWell) throw new CacheFault('down');
    return value;
  };
  const failing: BlobDescriptorCacheProvider = {
    isAtomic: false,
    peek: undefined,
    unscoped: undefined,
    repositoryScoped: () => ({
      stat: () => {
        store.stats += 1;
        return answer(entryFor(digest, clock.now()));
      },
      setDescriptor: () => answer(undefined),
      clear: () => {
        store.clears += 1;
        return answer(undefined);
      },
      batch: 1,
      statEach: () => {
        store.stats += 1;
        return answer(new Map());
      },
      list: () => answer({ found: new Map() }),
      markDeleting: () => answer(undefined),
      evict: () => answer(new Set()),
      markEvicted: () => answer(undefined),
      clearEach: () => answer(undefined),
      clearPresent: () => answer(new Set()),
      purge: () => answer({ removed: new Set() }),
    }),
  };
  const { descriptors } = guarded(createBreaker(), cacheWith({ descriptors: failing }));
  const scoped = descriptors.repositoryScoped(parseRepositoryName('a/b'), 'blobs');
  const stat = () => scoped.stat(ctx, digest).catch((fault: Error) => fault.name);
  return { clock, ctx, digest, store, scoped, stat };
}

describe('breaker', () => {
  it('pauses reads for 30 s after five faults within 10 s, and then reads again', async () => {
    const { clock, ctx, digest, store, stat } = setup();
    for (let n = 0; n < 5; n++) expect(await stat()).toBe('CacheFault');
    expect(ctx.events).toEqual([{ kind: 'breaker', outcome: 'opened' }]);
    store.isWell = true;
    clock.advance(29_999);
    expect(await stat()).toBe('CacheFault');
    expect(store.stats).toBe(5);
    expect(ctx.events.at(-1)).toEqual({ kind: 'breaker', outcome: 'skipped' });
    clock.advance(1);
    expect(await stat()).toEqual(entryFor(digest, clock.now()));
    expect(store.stats).toBe(6);
  });

  it('tolerates four faults within 10 s, and more over a longer time', async () => {
    const { clock, store, stat } = setup();
    for (let n = 0; n < 4; n++) await stat();
    clock.advance(10_000);
    for (let n = 0; n < 4; n++) await stat();
    expect(store.stats).toBe(8);
    store.isWell = true;
    expect(await stat()).toMatchObject({ descriptor: {} });
  });

  it('keeps reading if only writes are refused, as KV does beyond one a second', async () => {
    const { ctx, digest, store, scoped, stat } = setup();
    for (let n = 0; n < 5; n++) {
      await expect(scoped.clear(ctx, digest)).rejects.toThrow('down');
      await expect(scoped.setDescriptor(ctx, digest, entryFor(digest, 1))).rejects.toThrow('down');
    }
    await stat();
    expect(store.stats).toBe(1);
  });

  it('lets clears through during a pause', async () => {
    const { ctx, digest, store, scoped, stat } = setup();
    for (let n = 0; n < 5; n++) await stat();
    store.isWell = true;
    await scoped.clear(ctx, digest);
    expect(store.clears).toBe(1);
  });

  it('does not count bad records, since the store works', async () => {
    const { ctx } = setup();
    const breaker = createBreaker();
    const bad = () =>
      breaker(ctx, () => Promise.reject(new BadRecord('malformed'))).catch((fault: Error) => fault.name);
    for (let n = 0; n < 20; n++) expect(await bad()).toBe('BadRecord');
    expect(await breaker(ctx, async () => 'read')).toBe('read');
    expect(ctx.events).toEqual([]);
  });

  it('does not count faults of content, but pauses reads of content as well', async () => {
    const { ctx, digest } = setup();
    const breaker = createBreaker();
    let reads = 0;
    const failing: Contents = {
      get: async () => {
        reads += 1;
        throw new CacheFault('late');
      },
      put: async () => {},
      peek: undefined,
    };
    const { contents } = guarded(breaker, cacheWith({ contents: failing }));
    const get = () => contents.get(ctx, digest).catch((fault: Error) => fault.message);
    for (let n = 0; n < 20; n++) expect(await get()).toBe('late');
    expect(await breaker(ctx, async () => 'read')).toBe('read');
    for (let n = 0; n < 5; n++) await breaker(ctx, () => Promise.reject(new CacheFault('down'))).catch(() => undefined);
    expect(await get()).toBe('reads pause after too many faults');
    expect(reads).toBe(20);
  });
});
