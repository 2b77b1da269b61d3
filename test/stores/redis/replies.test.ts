import { afterEach, describe, expect, it, vi } from 'vitest';
import { createProvider } from '../../../src/cache/descriptors.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import type { BlobDescriptorService } from '../../../src/stores/descriptors.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import { STORE_TIMEOUT_MS } from '../../../src/stores/options.ts';
import { createRedis } from '../../../src/stores/redis/client.ts';
import { createRedisDescriptors } from '../../../src/stores/redis/descriptors.ts';
import { entryFor, someName } from '../../support/digests.ts';
import { ADDRESS, NO_REDIS } from '../../support/redisStore.ts';
import { ctx, digest, facing, HOUR_MS, VERBS } from '../../support/redisWire.ts';

interface Item {
  readonly result?: unknown;
}
const eachList = (items: readonly Item[], change: (list: readonly unknown[]) => unknown) =>
  items.map((item) => (Array.isArray(item.result) ? { result: change(item.result) } : item));

describe.skipIf(NO_REDIS)('createRedisDescriptors: replies', () => {
  afterEach(() => vi.restoreAllMocks());

  /** What Redis really replies. */
  async function repliesTo(
    call: (scoped: BlobDescriptorService) => Promise<unknown>,
    isThere: boolean,
  ): Promise<readonly Item[] & Item> {
    const provider = createProvider(
      createRedisDescriptors(createRedis(ADDRESS), { retentionMs: HOUR_MS, isOpen: false }),
    );
    const scoped = provider.repositoryScoped(parseRepositoryName(someName()), 'blobs');
    if (isThere) await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    const send = globalThis.fetch;
    let replies: readonly Item[] & Item = [];
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (...sent) => {
      const response = await send(...sent);
      replies = (await response.clone().json()) as readonly Item[] & Item;
      return response;
    });
    await call(scoped);
    vi.restoreAllMocks();
    return replies;
  }
  const repliesFor = (isThere: boolean) => repliesTo((scoped) => scoped.stat(ctx, digest), isThere);

  it('are a hit or a miss as they are, in a time of each request, not of the isolate', async () => {
    const there = facing({ body: JSON.stringify(await repliesFor(true)) });
    const absent = facing({ body: JSON.stringify(await repliesFor(false)) });
    await new Promise((resolve) => setTimeout(resolve, STORE_TIMEOUT_MS + 50));
    expect(await there.scoped.stat(ctx, digest)).toEqual(entryFor(digest, ctx.now()));
    expect(await absent.scoped.stat(ctx, digest)).toBeUndefined();
  });

  it.each<[string, (items: readonly Item[]) => unknown]>([
    ['none', () => []],
    ['without a result', (items) => items.map(() => ({}))],
    ['one too few', (items) => items.slice(0, -1)],
    ['nulls', (items) => items.map(() => ({ result: null }))],
    ['a membership that is neither 0 nor 1', ([, ...more]) => [{ result: 2 }, ...more]],
    ['a membership in words', ([, ...more]) => [{ result: btoa('1') }, ...more]],
    ['lists with one field less', (items) => eachList(items, (list) => list.slice(0, -1))],
    ['lists with one field more', (items) => eachList(items, (list) => [...list, null])],
    [
      'a last list with one field less',
      (items) => [...items.slice(0, -1), ...eachList(items.slice(-1), (list) => list.slice(1))],
    ],
    ['lists of numbers', (items) => eachList(items, (list) => list.map(() => 1))],
    ['fields by name', (items) => eachList(items, (list) => ({ ...list }))],
  ])('that cannot be are a fault, never a miss: %s', async (_what, change) => {
    for (const isThere of [true, false]) {
      const { scoped } = facing({ body: JSON.stringify(change(await repliesFor(isThere))) });
      await expect(scoped.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
    }
  });

  describe.each(VERBS.slice(0, 2))('to %s', (_verb, call) => {
    it.each<[string, (items: readonly Item[]) => unknown]>([
      ['none', () => []],
      ['without a result', (items) => items.map(() => ({}))],
      ['one too few', (items) => items.slice(0, -1)],
      ['one too many', (items) => [...items, { result: 1 }]],
    ])('that tell of nothing done are a fault: %s', async (_what, change) => {
      const replies = await repliesTo(call, true);
      await call(facing({ body: JSON.stringify(replies) }).scoped);
      const { scoped } = facing({ body: JSON.stringify(change(replies)) });
      await expect(call(scoped)).rejects.toBeInstanceOf(CacheFault);
    });
  });

  describe.each<[string, (scoped: BlobDescriptorService) => Promise<unknown>]>([
    ['clear', (scoped) => scoped.clear(ctx, digest)],
    ['markDeleting', (scoped) => scoped.markDeleting(ctx, digest)],
  ])('of a script, to %s', (_verb, call) => {
    it.each<[string, unknown]>([
      ['none', undefined],
      ['null', null],
      ['OK', 'OK'],
      ['a list of nothing', []],
      ['a list of too many', [null, null]],
      ['a list of numbers', [1]],
      ['another count', 2],
      ['a table', { digest }],
    ])('that tell of nothing done are a fault: %s', async (_what, result) => {
      const { result: real } = (await repliesTo(call, true)) as Item;
      await call(facing({ body: JSON.stringify({ result: real }) }).scoped);
      const { scoped } = facing({ body: JSON.stringify({ result }) });
      await expect(call(scoped)).rejects.toBeInstanceOf(CacheFault);
    });
  });
});
