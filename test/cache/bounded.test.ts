import { describe, expect, it } from 'vitest';
import { bounded, NoRoom } from '../../src/cache/bounded.ts';
import { contentItem } from '../../src/cache/contentItem.ts';
import type { Contents } from '../../src/cache/contents.ts';
import type { CacheItem } from '../../src/cache/item.ts';
import { lookUp } from '../../src/cache/lookup.ts';
import { writeBack } from '../../src/cache/writeBack.ts';
import { createBudget } from '../../src/http/body/budget.ts';
import type { ContentEntry, Entry } from '../../src/oci/descriptor.ts';
import { contentOf } from '../support/contentsSuite.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, uniqueDigest } from '../support/digests.ts';
import { cacheWith, openMemory } from '../support/stores.ts';

const MIB = 1024 * 1024;
const KIB = 1024;
const MAX_BYTES = 4 * MIB;
const BUDGET = 32 * MIB;
const clock = createClock();
const request = () => contextOf(clock);

/** A store whose reads wait until `open` is called, and then return this many bytes. */
function slow(bytes: number) {
  const gate = Promise.withResolvers<void>();
  let reads = 0;
  const contents: Contents = {
    async get() {
      reads++;
      await gate.promise;
      return new Uint8Array(bytes);
    },
    put: async () => undefined,
    peek: undefined,
  };
  const budget = createBudget(BUDGET);
  const get = bounded(budget, MAX_BYTES, cacheWith({ contents })).contents.get;
  const read = (size?: number) => get(request(), uniqueDigest(), async () => size);
  return { read, budget, get, open: gate.resolve, countReads: () => reads };
}

describe('bounded', () => {
  it('reads a burst of small manifests at the same time', async () => {
    const { read, budget, open, countReads } = slow(KIB);
    const reads = Array.from({ length: 500 }, () => read(KIB));
    await expect.poll(countReads).toBe(500);
    expect(budget.heldBytes).toBeLessThanOrEqual(BUDGET / 2 + 500 * KIB);
    open();
    expect((await Promise.all(reads)).every((content) => content?.length === KIB)).toBe(true);
    expect(budget.heldBytes).toBe(500 * KIB);
  });

  it('reads a small manifest while many large ones are being read', async () => {
    const { read, open } = slow(KIB);
    const reads = [...Array.from({ length: 7 }, () => read(MAX_BYTES)), read(KIB)];
    open();
    expect((await Promise.all(reads)).map((content) => content?.length)).toEqual(Array(8).fill(KIB));
  });

  it('throws NoRoom if there is no room, and misses content without a descriptor', async () => {
    const { read, get, budget, countReads } = slow(KIB);
    budget.room(request()).resize(BUDGET - KIB);
    const ctx = request();
    await expect(get(ctx, uniqueDigest(), async () => KIB + 1)).rejects.toBeInstanceOf(NoRoom);
    expect(ctx.events).toEqual([{ kind: 'no-room', bytes: KIB + 1 }]);
    await expect(get(request(), uniqueDigest())).rejects.toBeInstanceOf(NoRoom);
    expect(await read(undefined)).toBeUndefined();
    expect([countReads(), budget.heldBytes]).toEqual([0, BUDGET - KIB]);
  });
});

describe('a manifest for which there is no room', () => {
  async function setup() {
    const { content, digest } = await contentOf(crypto.randomUUID());
    const entry: ContentEntry = { ...entryFor(digest, clock.now(), { size: content.length }), content };
    const { contents: stored } = openMemory();
    const written: string[] = [];
    const contents: Contents = {
      ...stored,
      async put() {
        written.push('content');
      },
    };
    const budget = createBudget(BUDGET);
    const descriptor: CacheItem = {
      stat: async (): Promise<Entry> => ({ descriptor: entry.descriptor, verifiedAt: entry.verifiedAt }),
      async set() {
        written.push('descriptor');
        return true;
      },
      clear: async () => undefined,
    };
    const item = () => contentItem(digest, descriptor, bounded(budget, MAX_BYTES, cacheWith({ contents })).contents);
    await stored.put(request(), digest, content);
    return { budget, item, entry, written };
  }

  it('is a miss, not a fault', async () => {
    const { budget, item, entry } = await setup();
    const other = request();
    budget.room(other).resize(BUDGET);
    expect(await lookUp(request(), item())).toEqual({ outcome: 'miss', clearedUntil: 0 });
    other.markAnswered();
    expect(await lookUp(request(), item())).toMatchObject({ outcome: 'hit', entry });
  });

  it('is confirmed by the origin without another write of its content', async () => {
    const { budget, item, entry, written } = await setup();
    const other = request();
    budget.room(other).resize(BUDGET);
    const one = item();
    const looking = lookUp(request(), one);
    await looking;
    await writeBack(request(), one, entry, { looking });
    expect(written).toEqual(['descriptor']);
    const { digest } = await contentOf('another');
    const moved = { ...entry, descriptor: { ...entry.descriptor, digest } };
    await writeBack(request(), one, moved, { looking });
    expect(written.toSorted()).toEqual(['content', 'descriptor', 'descriptor']);
  });
});
