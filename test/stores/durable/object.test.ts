import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LinkSet } from '../../../src/oci/links.ts';
import type { RepositoryObject } from '../../../src/stores/durable/object.ts';
import type { Call, Clears, EntryKeys, RepositoryRpc, Terms } from '../../../src/stores/durable/rpc.ts';
import { clearingAhead } from '../../../src/stores/tombstone.ts';
import { type Clock, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';

const LIFE_MS = 60_000;
const TERMS: Terms = { askedAs: 'caller', retentionMs: LIFE_MS, lifeMs: LIFE_MS };
const keysOf = (digest: string, terms = TERMS, links: LinkSet = 'blobs'): EntryKeys => ({
  ...terms,
  links,
  digests: [digest],
});
type TestObject = DurableObjectStub<undefined> & RepositoryRpc;
const objectOf = (name = uniqueName()) =>
  env.REPOSITORIES.get(env.REPOSITORIES.idFromName(name)) as unknown as TestObject;

const upTo = (until: number) => ({ until, sparesLater: false });

/** Writes the entry of a digest, confirmed at a time by the writer's clock. */
function write(object: TestObject, digest: string, verifiedAt: number, lookedAt?: number, terms = TERMS) {
  const value = entryFor(digest as never, verifiedAt);
  return object.write([['entry', keysOf(digest, terms), { value, lookedAt }]]);
}

async function read(object: TestObject, digest: string) {
  const { rows } = await object.readEntries(keysOf(digest));
  return rows[0];
}

/** Counts what an object has stored: rows of its tables, and whether it has an alarm. */
function storedIn(object: TestObject): Promise<{ rows: number; hasAlarm: boolean }> {
  return runInDurableObject(object, async (_instance, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
      )
      .toArray();
    const counts = tables.map(
      ({ name }) => storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${name}`).one().n,
    );
    return { rows: counts.reduce((sum, n) => sum + n, 0), hasAlarm: (await storage.getAlarm()) !== null };
  });
}

let clock: Clock;
beforeEach(() => {
  clock = createClock(Date.now());
});

describe('RepositoryObject', () => {
  it('stores nothing where it is only asked', async () => {
    const object = objectOf();
    await object.readEntries(keysOf(uniqueDigest()));
    await object.readPointers(TERMS, [{ tag: 'latest', variant: '' }]);
    await object.readContent(uniqueDigest());
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
  });

  it('keeps an entry and its tombstone in one row', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    await write(object, digest, clock.now());
    await object.clear([['mark', keysOf(digest), upTo(clock.now())]]);
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
  });

  it.each(['mark', 'entries', 'presentEntries'] as const)(
    'refuses after %s what was confirmed before the tombstone, however late it is written',
    async (verb) => {
      const object = objectOf();
      const digest = uniqueDigest();
      const until = clock.now() + 60_000;
      await write(object, digest, clock.now());
      await object.clear([[verb, keysOf(digest), upTo(until)] as unknown as Call<Clears>]);
      await write(object, digest, until);
      const found = await read(object, digest);
      expect(found?.clearedUntil).toBe(until);
      expect(found?.entry?.verifiedAt ?? 0).toBeLessThan(until);
      await write(object, digest, until + 1);
      expect(await read(object, digest)).toMatchObject({ entry: { verifiedAt: until + 1 } });
    },
  );

  it('clears what is present, with the canonical entries of aliases, and nothing else', async () => {
    const object = objectOf();
    const [alias, canonical, later, absent] = [
      uniqueDigest('sha512'),
      ...Array.from({ length: 3 }, () => uniqueDigest()),
    ];
    const sentAt = clock.now();
    const keys = { ...keysOf(''), digests: [alias, canonical] as string[] };
    await object.write([['entry', keys, { value: entryFor(canonical as never, sentAt) }]]);
    await write(object, later as string, sentAt + 1);
    const digests = [alias, later, absent] as string[];
    const [evicted] = await object.clear([
      ['presentEntries', { ...keysOf(''), digests }, { until: sentAt, sparesLater: true }],
    ]);
    expect(evicted).toEqual([alias, canonical]);
    expect(await storedIn(object)).toEqual({ rows: 3, hasAlarm: true });
    expect(await read(object, later as string)).toMatchObject({ entry: { verifiedAt: sentAt + 1 }, clearedUntil: 0 });
  });

  it('a tombstone never shrinks, not even one whose row has expired', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    const until = clock.now() + 60_000;
    await object.clear([['mark', keysOf(digest, { ...TERMS, lifeMs: -1 }), upTo(until)]]);
    await object.clear([['entries', keysOf(digest), upTo(until - 30_000)]]);
    expect(await read(object, digest)).toEqual({ entry: undefined, clearedUntil: until });
  });

  it('two deletes that overlap do not shorten the protection of each other', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    const now = clock.now();
    await object.clear([['mark', keysOf(digest), clearingAhead(now, 35_000)]]);
    clock.advance(20_000);
    await object.clear([['mark', keysOf(digest), clearingAhead(now + 20_000, 35_000)]]);
    // The first one is over. The second is still under way, and its origin may not have carried it out yet.
    await object.clear([['entries', keysOf(digest), clearingAhead(now + 21_000)]]);
    await write(object, digest, now + 54_000);
    expect((await read(object, digest))?.entry).toBeUndefined();
    await write(object, digest, now + 56_000);
    expect((await read(object, digest))?.entry).toBeDefined();
  });

  it('a purge of 100,000 entries is one request, and leaves a tombstone for what comes late', async () => {
    const object = objectOf();
    const verifiedAt = clock.now();
    const late = uniqueDigest();
    await write(object, late, verifiedAt);
    await runInDurableObject(object, (_instance, { storage }) => {
      storage.sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
         INSERT INTO entries (links, digest, canonical, size, mediatype, verified, expires)
         SELECT 'blobs', printf('sha256:%064x', i), printf('sha256:%064x', i), 1, 'a/b', ?, ? FROM n`,
        ...[verifiedAt, verifiedAt + LIFE_MS],
      );
    });
    const until = verifiedAt + 5_000;
    const all = (links: LinkSet) => ['allEntries', { ...TERMS, links }, upTo(until), 100_000] as const;
    const [blobs, manifests, tags] = await object.clear([
      all('blobs'),
      all('manifests'),
      ['allTags', TERMS, upTo(until)],
    ]);
    expect([(blobs as { counted: unknown[] }).counted.length, manifests, tags]).toEqual([
      100_000,
      { counted: [], isMore: false },
      { removed: 0 },
    ]);
    await write(object, late, verifiedAt);
    expect(await read(object, late)).toEqual({ entry: undefined, clearedUntil: until });
    expect(await storedIn(object)).toEqual({ rows: 3, hasAlarm: true });
  });

  it('a purge that is too large for one request hides everything at once, and is continued', async () => {
    const object = objectOf();
    const verifiedAt = clock.now();
    const digests = Array.from({ length: 5 }, () => uniqueDigest() as string).sort();
    for (const digest of digests) await write(object, digest, verifiedAt);
    const counted: unknown[] = [];
    for (const expected of [true, true, false]) {
      const call = ['allEntries', { ...TERMS, links: 'blobs' }, clearingAhead(clock.now()), 2] as const;
      const [page] = (await object.clear([call])) as [{ counted: string[]; isMore: boolean }];
      counted.push(...page.counted);
      expect(page.isMore).toBe(expected);
      for (const digest of digests) {
        const found = await read(object, digest);
        expect((found?.entry?.verifiedAt ?? 0) <= (found?.clearedUntil ?? 0)).toBe(true);
      }
    }
    expect(counted).toEqual(digests);
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
  });

  it('keeps the sixteen variants of a tag that were written last', async () => {
    const object = objectOf();
    const value = { digest: uniqueDigest(), verifiedAt: clock.now() };
    const keys = Array.from({ length: 20 }, (_, n) => ({ tag: 'latest', variant: `v${n}` }));
    for (const [n, key] of keys.entries()) {
      await object.write([['pointer', { ...TERMS, lifeMs: LIFE_MS + n }, key, { value }]]);
    }
    await object.write([['note', TERMS, 'latest', value, false]]);
    const { rows } = await object.readPointers(TERMS, keys);
    expect(rows.filter((stored) => stored.pointer).length).toBe(16);
    expect(rows.slice(-16).every((stored) => stored.pointer)).toBe(true);
  });

  it('returns a tag with the entry of its manifest', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    const key = { tag: 'latest', variant: '' };
    const pointer = { digest, verifiedAt: clock.now() };
    await object.write([['pointer', TERMS, key, { value: pointer }]]);
    const look = async () => (await object.readPointers(TERMS, [key])).rows;
    expect(await look()).toEqual([{ pointer, clearedUntil: 0, manifest: { entry: undefined, clearedUntil: 0 } }]);
    const entry = entryFor(digest, clock.now());
    await object.write([['entry', keysOf(digest, TERMS, 'manifests'), { value: entry }]]);
    expect(await look()).toEqual([{ pointer, clearedUntil: 0, manifest: { entry, clearedUntil: 0 } }]);
  });
});

describe("the object's own time", () => {
  it.each([60_000, 0, -60_000])(
    'refuses what was asked for before a delete; the clocks are wrong by %i ms',
    async (skewMs) => {
      const object = objectOf();
      const digest = uniqueDigest();
      const { lookedAt } = await object.readEntries(keysOf(digest));
      clock.advance(10);
      // One of the clocks is wrong: that of the writer, which asks the origin before the delete, or that of the deleter.
      await object.clear([['entries', keysOf(digest), clearingAhead(clock.now() + 10 + Math.min(skewMs, 0))]]);
      clock.advance(20_000);
      await write(object, digest, clock.now() + 5 + Math.max(skewMs, 0), lookedAt);
      expect((await read(object, digest))?.entry).toBeUndefined();
    },
  );

  it('takes what was asked for after the tombstone', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    const now = clock.now();
    await object.clear([['entries', keysOf(digest), clearingAhead(now)]]);
    clock.advance(5_001);
    const { lookedAt } = await object.readEntries(keysOf(digest));
    await write(object, digest, now + 5_001, lookedAt);
    expect((await read(object, digest))?.entry).toBeDefined();
  });

  it('refuses what was looked for so long ago that the tombstone may have been swept', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    const { lookedAt } = await object.readEntries(keysOf(digest));
    await object.clear([['entries', keysOf(digest), clearingAhead(clock.now())]]);
    clock.advance(LIFE_MS + 1);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
    await write(object, digest, clock.now() + LIFE_MS, lookedAt);
    expect((await read(object, digest))?.entry).toBeUndefined();
  });

  it('holds for an alias whose canonical digest was deleted in the meantime', async () => {
    const object = objectOf();
    const [alias, canonical] = [uniqueDigest('sha512'), uniqueDigest()];
    const { lookedAt } = await object.readEntries(keysOf(alias));
    await object.clear([['entries', keysOf(canonical), clearingAhead(Date.now())]]);
    const keys = { ...keysOf(alias), digests: [alias, canonical] };
    const value = entryFor(canonical, Date.now() + 60_000);
    expect(await object.write([['entry', keys, { value, lookedAt }]])).toEqual(['refused']);
    expect((await read(object, alias))?.entry).toBeUndefined();
  });

  it('holds for a tag whose manifest was deleted in the meantime', async () => {
    const object = objectOf();
    const key = { tag: 'latest', variant: '' };
    const value = { digest: uniqueDigest(), verifiedAt: Date.now() + 60_000 };
    const { lookedAt } = await object.readPointers(TERMS, [key]);
    await object.clear([['entries', keysOf(value.digest, TERMS, 'manifests'), clearingAhead(Date.now())]]);
    await object.write([['pointer', TERMS, key, { value, lookedAt }]]);
    // Once the manifest is pushed again, only the pointer would be missing.
    const pushed = { value: entryFor(value.digest, value.verifiedAt) };
    await object.write([['entry', keysOf(value.digest, TERMS, 'manifests'), pushed]]);
    const { rows } = await object.readPointers(TERMS, [key]);
    expect(rows).toEqual([{ pointer: undefined, clearedUntil: 0, manifest: undefined }]);
  });

  it('holds for tags too, and for a purge', async () => {
    const object = objectOf();
    const key = { tag: 'latest', variant: '' };
    const value = { digest: uniqueDigest(), verifiedAt: clock.now() + 60_000 };
    const clears = [
      ['tags', TERMS, ['latest'], clearingAhead(clock.now())],
      ['allTags', TERMS, clearingAhead(clock.now())],
    ] as const;
    for (const clear of clears) {
      const { lookedAt } = await object.readPointers(TERMS, [key]);
      await object.clear([clear]);
      await object.write([['pointer', TERMS, key, { value, lookedAt }]]);
      expect((await object.readPointers(TERMS, [key])).rows[0]?.pointer).toBeUndefined();
    }
    const { lookedAt } = await object.readEntries(keysOf(value.digest));
    await object.clear([['allEntries', { ...TERMS, links: 'blobs' }, clearingAhead(clock.now()), 1_000]]);
    await write(object, value.digest, value.verifiedAt, lookedAt);
    expect((await read(object, value.digest))?.entry).toBeUndefined();
  });
});

describe('what is left behind', () => {
  it('removes what expired and, when it is empty, itself and its alarm', async () => {
    const object = objectOf();
    const [short, long] = [uniqueDigest(), uniqueDigest()];
    await write(object, short, clock.now(), undefined, { ...TERMS, lifeMs: 0 });
    await write(object, long, clock.now());
    await object.clear([['tags', { ...TERMS, lifeMs: 0 }, ['latest'], upTo(clock.now())]]);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
    clock.advance(LIFE_MS);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
    // It works on, as a new one.
    await write(object, long, clock.now());
    expect(await read(object, long)).toMatchObject({ entry: { descriptor: { digest: long } } });
  });

  it('ends an alarm quietly whose object was ended before it had tables', async () => {
    const object = objectOf();
    await runInDurableObject(object, (_instance, { storage }) => storage.setAlarm(clock.now() + LIFE_MS));
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
  });

  it('knows its entries and its tombstones after a restart', async () => {
    const object = objectOf();
    const [kept, cleared] = [uniqueDigest(), uniqueDigest()];
    const now = clock.now();
    await write(object, kept, now);
    await object.clear([['tags', TERMS, ['latest'], upTo(now + 5_000)]]);
    await object.clear([['mark', keysOf(cleared), upTo(now + 5_000)]]);
    await evictDurableObject(object);
    expect(await read(object, kept)).toMatchObject({ entry: { verifiedAt: now } });
    expect(await read(object, cleared)).toEqual({ entry: undefined, clearedUntil: now + 5_000 });
    const { rows } = await object.readPointers(TERMS, [{ tag: 'latest', variant: '' }]);
    expect(rows).toEqual([{ pointer: undefined, clearedUntil: now + 5_000, manifest: undefined }]);
  });

  it('finds its alarm again after the platform gave it up', async () => {
    const object = objectOf();
    await write(object, uniqueDigest(), Date.now());
    await runInDurableObject(object, (_instance, { storage }) => storage.deleteAlarm());
    await evictDurableObject(object);
    await write(object, uniqueDigest(), Date.now());
    expect(await storedIn(object)).toEqual({ rows: 2, hasAlarm: true });
  });

  it('a restart does not put off the alarm', async () => {
    const object = objectOf();
    const alarmOf = () => runInDurableObject(object, (_instance, { storage }) => storage.getAlarm());
    await write(object, uniqueDigest(), Date.now());
    const alarm = await alarmOf();
    await evictDurableObject(object);
    clock.advance(1_000);
    await write(object, uniqueDigest(), Date.now());
    expect(await alarmOf()).toBe(alarm);
  });

  it('stores nothing if the alarm cannot be set, and tries again', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    await runInDurableObject(object, async (instance, { storage }) => {
      const call = ['entry', keysOf(digest), { value: entryFor(digest, Date.now()) }] as const;
      Object.defineProperty(storage, 'setAlarm', { value: () => Promise.reject(new Error('no')), configurable: true });
      await expect((instance as RepositoryObject).write([call])).rejects.toThrow('no');
      Reflect.deleteProperty(storage, 'setAlarm');
    });
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
    await write(object, digest, Date.now());
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
  });

  it('a write during which the object deletes itself has tables and an alarm', async () => {
    const object = objectOf();
    await write(object, uniqueDigest(), Date.now(), undefined, { ...TERMS, lifeMs: 0 });
    await evictDurableObject(object);
    const digest = uniqueDigest();
    await runInDurableObject(object, async (instance, { storage }) => {
      const getAlarm = storage.getAlarm.bind(storage);
      const sweepAfterwards = async () => {
        const found = await getAlarm();
        Reflect.deleteProperty(storage, 'getAlarm');
        await (instance as RepositoryObject).alarm();
        return found;
      };
      Object.defineProperty(storage, 'getAlarm', { value: sweepAfterwards, configurable: true });
      await (instance as RepositoryObject).write([['entry', keysOf(digest), { value: entryFor(digest, Date.now()) }]]);
    });
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
  });

  it('an alarm that was set before anything was stored is no failure', async () => {
    const object = objectOf();
    await runInDurableObject(object, (_instance, { storage }) => storage.setAlarm(Date.now() + LIFE_MS));
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
  });

  it('a transaction that failed leaves no tombstone, neither in SQL nor in memory', async () => {
    const object = objectOf();
    const key = { tag: 'latest', variant: '' };
    const pointer = { digest: uniqueDigest(), verifiedAt: Date.now() };
    await object.write([['pointer', TERMS, key, { value: pointer }]]);
    const clears = [['tags', TERMS, ['latest'], upTo(Date.now() + 5_000)], ['unknown']] as unknown as Call<Clears>[];
    await runInDurableObject(object, async (instance) => {
      await expect((instance as RepositoryObject).clear(clears)).rejects.toThrow();
    });
    const { rows } = await object.readPointers(TERMS, [key]);
    expect(rows).toMatchObject([{ pointer, clearedUntil: 0 }]);
  });
});
