import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import { delay } from '../../../src/async.ts';
import type { RepositoryName } from '../../../src/oci/name.ts';
import { type Allowance, leftOf, type Told } from '../../../src/pulls/budget.ts';
import type { Pull, Taken } from '../../../src/pulls/counter.ts';
import { RepositoryObject } from '../../../src/stores/durable/object.ts';
import { type Clock, createClock } from '../../support/context.ts';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { keysOf, objectOf, storedIn, type TestObject, write } from '../../support/testObject.ts';

const HOUR_MS = 3_600_000;
const DECLARED = { limit: 100, windowMs: 6 * HOUR_MS };
const HUB: Told = { status: 200, rateLimit: { ...DECLARED, remaining: 76 }, limitedMs: 0 };

let clock: Clock;
beforeEach(() => {
  clock = createClock(Date.now());
});

const pullOf = (reference: string = uniqueDigest(), more: Partial<Pull> = {}): Pull => ({
  ...{ name: uniqueName() as RepositoryName, reference, isTag: !reference.includes(':') },
  ...{ isSparable: false, insists: false, ...more },
});

const pulled = () => ({ digest: uniqueDigest(), mediaType: 'application/json' });

type Granted = Extract<Taken, { kind: 'granted' }>;

async function granted(object: TestObject, pull = pullOf()): Promise<Granted> {
  const taken = await object.takePull(DECLARED, pull);
  if (taken.kind !== 'granted') throw new Error(`expected a lease, got ${taken.kind}`);
  return taken;
}

async function shown(object: TestObject, declared: Allowance | undefined = DECLARED) {
  const budget = await object.readPulls(declared);
  return { counted: budget.counted, left: leftOf(budget) };
}

describe('the object that counts pulls', () => {
  it('counts every pull exactly, also those that are taken at the same time', async () => {
    const object = objectOf();
    const taken = await Promise.all(Array.from({ length: 60 }, () => granted(object)));
    expect(taken.map(({ left }) => left).sort((one = 0, other = 0) => other - one)).toEqual(
      Array.from({ length: 60 }, (_, at) => 99 - at),
    );
    expect(await shown(object)).toEqual({ counted: 60, left: 40 });
  });

  it('counts on after a restart', async () => {
    const object = objectOf();
    await granted(object);
    await object.tellPulls(DECLARED, HUB, 1);
    const seen = await runInDurableObject(object, (_instance, state) =>
      new RepositoryObject(state, {} as never).readPulls(DECLARED),
    );
    expect(seen).toMatchObject({ counted: 2, knownBy: 'header' });
    expect(seen).toEqual(await object.readPulls(DECLARED));
  });

  it('begins anew at the end of the window', async () => {
    const object = objectOf();
    for (let n = 0; n < 3; n++) await granted(object);
    clock.advance(DECLARED.windowMs - 1);
    expect(await shown(object)).toEqual({ counted: 3, left: 97 });
    clock.advance(1);
    expect(await shown(object)).toEqual({ counted: 0, left: 100 });
    expect((await granted(object)).left).toBe(99);
  });

  it('learns from a lease what the origin told, without another request', async () => {
    const object = objectOf();
    const { lease } = await granted(object);
    clock.advance(10);
    await lease.settle(HUB, pulled());
    expect(await shown(object, undefined)).toEqual({ counted: 1, left: 76 });
  });

  it('keeps a second isolate waiting for what a first one pulls, and tells it what that was', async () => {
    const object = objectOf();
    const pull = pullOf('latest');
    const { lease } = await granted(object, pull);
    const second = object.takePull(DECLARED, pull);
    expect(await Promise.race([second, delay(50)])).toBeUndefined();
    const told = pulled();
    await lease.settle(HUB, told);
    expect(await second).toEqual({ kind: 'told', ...told });
    expect((await object.readPulls(DECLARED)).counted).toBe(1);
  });

  it('lets the second one pull at once if the first one is gone', async () => {
    const object = objectOf();
    const pull = pullOf('latest');
    const first = await granted(object, pull);
    const second = object.takePull(DECLARED, pull);
    await delay(20);
    const startedAt = performance.now();
    (first as unknown as Disposable)[Symbol.dispose]();
    expect((await second).kind).toBe('granted');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect((await object.readPulls(DECLARED)).counted).toBe(2);
  });

  it('spares a pull near the end, if there is something else to answer with, and does not count it', async () => {
    const object = objectOf();
    const few = { limit: 6, windowMs: HOUR_MS };
    const take = (isSparable: boolean) => object.takePull(few, pullOf(undefined, { isSparable }));
    const kinds = [];
    for (const isSparable of [true, true, true, true, false, false, false, false])
      kinds.push((await take(isSparable)).kind);
    expect(kinds).toEqual([
      ...['granted', 'granted', 'granted', 'spared'],
      ...['granted', 'granted', 'granted', 'granted'],
    ]);
    expect(await shown(object, few)).toEqual({ counted: 7, left: 0 });
  });

  it('tells every isolate until when the origin wants no requests', async () => {
    const object = objectOf();
    await object.tellPulls(undefined, { status: 429, rateLimit: undefined, limitedMs: 60_000 }, 0);
    const limitedUntil = clock.now() + 60_000;
    expect(await object.takePull(undefined, pullOf(undefined, { isSparable: true }))).toEqual({
      ...{ kind: 'spared', left: undefined, limitedUntil },
    });
    expect(await granted(object)).toMatchObject({ limitedUntil });
  });

  it('stores nothing if it is only asked, and deletes itself after its window', async () => {
    const object = objectOf();
    await object.readPulls(DECLARED);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
    await granted(object);
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
    clock.advance(DECLARED.windowMs);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
    clock.advance(HOUR_MS);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
  });
});

describe('an object that an older version has left behind', () => {
  it('gets the tables that it lacks', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    await write(object, digest, clock.now());
    await runInDurableObject(object, async (_instance, state) => {
      state.storage.sql.exec('DROP TABLE pulls');
      const restarted = new RepositoryObject(state, {} as never);
      await restarted.tellPulls(DECLARED, HUB, 1);
      expect((await restarted.readPulls(DECLARED)).counted).toBe(1);
      expect((await restarted.readEntries(keysOf(digest))).rows[0]?.entry).toBeDefined();
      // The sweep knows of all tables.
      await restarted.alarm();
    });
    expect(await storedIn(object)).toMatchObject({ rows: 2 });
  });
});
