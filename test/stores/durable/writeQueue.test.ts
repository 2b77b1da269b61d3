import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import type { EntryKeys, RepositoryRpc } from '../../../src/stores/durable/rpc.ts';
import { WriteQueue } from '../../../src/stores/durable/writeQueue.ts';
import { clearingAhead } from '../../../src/stores/tombstone.ts';
import { createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';

/** What Cloudflare's storage takes to write to other places. */
const FLUSH_MS = 12;
const TERMS = { askedAs: 'caller', retentionMs: 60_000, lifeMs: 60_000, links: 'blobs' } as const;
const keysOf = (digest: string): EntryKeys => ({ ...TERMS, digests: [digest] });

/** Returns an object whose flushes take their time, and the number of flushes that are over. */
async function slowObject() {
  const flushes = { done: 0 };
  const object = env.REPOSITORIES.get(env.REPOSITORIES.idFromName(uniqueName())) as unknown as RepositoryRpc &
    DurableObjectStub<undefined>;
  const digest = uniqueDigest();
  await object.write([['entry', keysOf(digest), { value: entryFor(digest, Date.now()) }]]);
  await runInDurableObject(object, (_instance, { storage }) => {
    const sync = storage.sync.bind(storage);
    Object.defineProperty(storage, 'sync', {
      value: async () => {
        await sync();
        await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
        flushes.done++;
      },
    });
  });
  return { object, digest, flushes };
}

it('a look does not wait for 70 write-backs, which are flushed together', async () => {
  createClock(Date.now());
  const { object, digest, flushes } = await slowObject();
  const digests = Array.from({ length: 70 }, () => uniqueDigest());
  const writing = Promise.all(
    digests.map((each) => object.write([['entry', keysOf(each), { value: entryFor(each, Date.now()) }]])),
  );
  const { rows } = await object.readEntries(keysOf(digest));
  expect(rows[0]?.entry).toBeDefined();
  expect(flushes.done).toBeLessThanOrEqual(1);
  await writing;
  // The first one alone, and all that came while it was flushed.
  expect(flushes.done).toBeLessThanOrEqual(3);
  const { rows: all } = await object.readEntries({ ...TERMS, digests });
  expect(all.every(({ entry }) => entry !== undefined)).toBe(true);
});

it('a delete does not wait for write-backs, and those that come after it see it', async () => {
  const now = Date.now();
  createClock(now);
  const { object, digest, flushes } = await slowObject();
  const write = () => object.write([['entry', keysOf(digest), { value: entryFor(digest, now) }]]);
  const writing = [write(), write(), write()];
  await object.clear([['entries', keysOf(digest), clearingAhead(now)]]);
  expect(flushes.done).toBeLessThanOrEqual(1);
  await Promise.all(writing);
  expect((await object.readEntries(keysOf(digest))).rows).toEqual([{ entry: undefined, clearedUntil: now + 5_000 }]);
});

it('one write that fails in a batch fails alone', async () => {
  const gate = Promise.withResolvers<void>();
  const queue = new WriteQueue(async (run) => {
    await gate.promise;
    run();
  });
  const fail = () => {
    throw new Error('the value is too large');
  };
  const writing = Promise.allSettled([queue.add(() => 1), queue.add(() => 2), queue.add(fail), queue.add(() => 4)]);
  gate.resolve();
  expect((await writing).map((one) => (one.status === 'fulfilled' ? one.value : 'failed'))).toEqual([
    1,
    2,
    'failed',
    4,
  ]);
});

it('rejects the writes of a batch that could not be committed, and goes on', async () => {
  let isBroken = true;
  const queue = new WriteQueue(async (run) => {
    await Promise.resolve();
    if (isBroken) throw new Error('the disk is full');
    run();
  });
  const failed = await Promise.allSettled([queue.add(() => 1), queue.add(() => 2)]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isBroken = false;
  expect(await Promise.all([queue.add(() => 3), queue.add(() => 4)])).toEqual([3, 4]);
});

it('writes that are written together are written once', async () => {
  let commits = 0;
  const runs: number[] = [];
  const queue = new WriteQueue(async (run) => {
    commits++;
    run();
    await new Promise((resolve) => setTimeout(resolve, 1));
  });
  await Promise.all([0, 1, 2, 3].map((n) => queue.add(() => runs.push(n))));
  expect([commits, runs]).toEqual([2, [0, 1, 2, 3]]);
});
