import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BlobDescriptorService } from '../../../src/cache/provider.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { BadRecord, CacheFault } from '../../../src/stores/faults.ts';
import { STORE_TIMEOUT_MS } from '../../../src/stores/options.ts';
import { entryFor, uniqueName } from '../../support/digests.ts';
import { NO_REDIS } from '../../support/redisStore.ts';
import { ctx, digest, facing, VERBS } from '../../support/redisWire.ts';
import { openRedis } from '../../support/stores.ts';

interface Item {
  readonly result?: unknown;
}
const eachList = (items: readonly Item[], change: (list: readonly unknown[]) => unknown) =>
  items.map((item) => (Array.isArray(item.result) ? { result: change(item.result) } : item));

describe.skipIf(NO_REDIS)('createRedisDescriptors: replies', () => {
  afterEach(() => vi.restoreAllMocks());

  /** Records the replies of the real Redis to a call. */
  async function repliesTo(
    call: (scoped: BlobDescriptorService) => Promise<unknown>,
    isStored: boolean,
  ): Promise<readonly Item[] & Item> {
    const { descriptors: provider } = openRedis();
    const scoped = provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    if (isStored) await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
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
  const repliesToStat = (isStored: boolean) => repliesTo((scoped) => scoped.stat(ctx, digest), isStored);

  it('are a hit or a miss if unchanged; each request has its own time limit', async () => {
    const present = facing({ body: JSON.stringify(await repliesToStat(true)) });
    const absent = facing({ body: JSON.stringify(await repliesToStat(false)) });
    await new Promise((resolve) => setTimeout(resolve, STORE_TIMEOUT_MS + 50));
    expect(await present.scoped.stat(ctx, digest)).toEqual(entryFor(digest, ctx.now()));
    expect(await absent.scoped.stat(ctx, digest)).toBeUndefined();
  });

  it.each<[string, (items: readonly Item[]) => unknown]>([
    ['none', () => []],
    ['without results', (items) => items.map(() => ({}))],
    ['one too few', (items) => items.slice(0, -1)],
    ['nulls', (items) => items.map(() => ({ result: null }))],
    ['a membership that is neither 0 nor 1', ([, ...more]) => [{ result: 2 }, ...more]],
    ['a membership in base64', ([, ...more]) => [{ result: btoa('1') }, ...more]],
    ['lists with a field too few', (items) => eachList(items, (list) => list.slice(0, -1))],
    ['lists with a field too many', (items) => eachList(items, (list) => [...list, null])],
    [
      'a last list with a field too few',
      (items) => [...items.slice(0, -1), ...eachList(items.slice(-1), (list) => list.slice(1))],
    ],
    ['lists with a number in them', (items) => eachList(items, ([, ...list]) => [1, ...list])],
    ['lists of numbers', (items) => eachList(items, (list) => list.map(() => 1))],
    ['fields by name', (items) => eachList(items, (list) => ({ ...list }))],
  ])('that are malformed are a fault, never a miss: %s', async (_what, change) => {
    for (const isStored of [true, false]) {
      const { scoped } = facing({ body: JSON.stringify(change(await repliesToStat(isStored))) });
      await expect(scoped.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
    }
  });

  it('with an error are a bad record only if the key has another type, and count against Redis otherwise', async () => {
    const [first, ...more] = await repliesToStat(true);
    for (const [error, isBadRecord] of [
      ['WRONGTYPE Operation against a key holding the wrong kind of value', true],
      ['NOPERM this user has no permissions', false],
    ] as const) {
      const { scoped } = facing({ body: JSON.stringify([first, { error }, ...more.slice(1)]) });
      const fault = await scoped.stat(ctx, digest).catch((reason: unknown) => reason);
      expect([fault instanceof CacheFault, fault instanceof BadRecord]).toEqual([true, isBadRecord]);
    }
  });

  it.each([
    ['OK', 'OK'],
    ['a cursor that is a number', [0, []]],
    ['a cursor alone', ['0']],
    ['members that are no list', ['0', 'text']],
    ['members that are numbers', ['0', [1]]],
  ])('that are no page of members are a fault of a purge: %s', async (_what, result) => {
    const { scoped } = facing({ body: JSON.stringify({ result }) });
    await expect(scoped.purge(ctx)).rejects.toBeInstanceOf(CacheFault);
  });

  it('are not waited for in a look at no digests: nothing is asked', async () => {
    const { scoped, calls } = facing({ status: 500 });
    expect(await scoped.statEach(ctx, [])).toEqual(new Map());
    expect(await calls()).toEqual([]);
  });

  describe.each(VERBS.slice(0, 2))('to %s', (_verb, call) => {
    it.each<[string, (items: readonly Item[]) => unknown]>([
      ['none', () => []],
      ['without results', (items) => items.map(() => ({}))],
      ['one too few', (items) => items.slice(0, -1)],
      ['one too many', (items) => [...items, { result: 1 }]],
    ])('that do not confirm the write are a fault: %s', async (_what, change) => {
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
      ['an empty list', []],
      ['a list that is too long', [null, null]],
      ['a list of numbers', [1]],
      ['another count', 2],
      ['an object', { digest }],
    ])('that do not confirm the write are a fault: %s', async (_what, result) => {
      const { result: actual } = (await repliesTo(call, true)) as Item;
      await call(facing({ body: JSON.stringify({ result: actual }) }).scoped);
      const { scoped } = facing({ body: JSON.stringify({ result }) });
      await expect(call(scoped)).rejects.toBeInstanceOf(CacheFault);
    });
  });
});
