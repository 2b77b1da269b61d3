import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { LinkSet } from '../../../src/oci/links.ts';
import { createDurableStore } from '../../../src/stores/durable/backend.ts';
import type { Terms } from '../../../src/stores/durable/rpc.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { OBJECTS } from '../../support/durableStore.ts';
import { storeOptions } from '../../support/stores.ts';

const LIFE_MS = 60_000;
const TERMS: Terms = { askedAs: 'caller', lifeMs: LIFE_MS };
const keysOf = (digest: string, terms = TERMS, links: LinkSet = 'blobs') => ({ ...terms, links, digests: [digest] });
const objectOf = (name = uniqueName()) => env.REPOSITORIES.get(env.REPOSITORIES.idFromName(name));
type TestObject = ReturnType<typeof objectOf>;

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

describe('RepositoryObject', () => {
  it('stores nothing where it is only asked', async () => {
    const object = objectOf();
    await object.readEntries(keysOf(uniqueDigest()));
    await object.readPointers(TERMS, [{ tag: 'latest', variant: '' }]);
    await object.readContent(uniqueDigest());
    await object.removeContent(uniqueDigest());
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
  });

  it('keeps an entry and its tombstone in one row', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    await object.writeEntry(keysOf(digest), entryFor(digest, Date.now()));
    await object.markEntries(keysOf(digest), Date.now());
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
  });

  it.each(['markEntries', 'clearEntries'] as const)(
    'refuses a late write after %s, whatever the clock of the writer says',
    async (verb) => {
      const object = objectOf();
      const digest = uniqueDigest();
      const until = Date.now() + 60_000;
      if (verb === 'markEntries') await object.markEntries(keysOf(digest), until);
      else await object.clearEntries(keysOf(digest), { until, sparesLater: false });
      await object.writeEntry(keysOf(digest), entryFor(digest, until));
      expect(await object.readEntries(keysOf(digest))).toEqual([{ entry: undefined, clearedUntil: until }]);
      await object.writeEntry(keysOf(digest), entryFor(digest, until + 1));
      expect(await object.readEntries(keysOf(digest))).toMatchObject([{ entry: { verifiedAt: until + 1 } }]);
    },
  );

  it('a tombstone never shrinks, not even one whose row has expired', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    const until = Date.now() + 60_000;
    await object.markEntries(keysOf(digest, { ...TERMS, lifeMs: -1 }), until);
    await object.clearEntries(keysOf(digest), { until: until - 30_000, sparesLater: false });
    expect(await object.readEntries(keysOf(digest))).toEqual([{ entry: undefined, clearedUntil: until }]);
  });

  it('a purge of 100,000 entries is one request, and leaves one tombstone for what comes late', async () => {
    const object = objectOf();
    const verifiedAt = Date.now();
    const late = uniqueDigest();
    await object.writeEntry(keysOf(late), entryFor(late, verifiedAt));
    await runInDurableObject(object, (_instance, { storage }) => {
      storage.sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
         INSERT INTO entries (links, digest, canonical, size, mediatype, verified, expires)
         SELECT 'blobs', printf('sha256:%064x', i), printf('sha256:%064x', i), 1, 'a/b', ?, ? FROM n`,
        ...[verifiedAt, verifiedAt + LIFE_MS],
      );
    });
    const terms = { ...TERMS, links: 'blobs' } as const;
    const until = verifiedAt + 5_000;
    const cleared = await object.clearAllEntries(terms, { until, sparesLater: false }, Number.POSITIVE_INFINITY);
    expect([cleared.counted.length, cleared.isMore]).toEqual([100_000, false]);
    await object.writeEntry(keysOf(late), entryFor(late, verifiedAt));
    expect(await object.readEntries(keysOf(late))).toEqual([{ entry: undefined, clearedUntil: until }]);
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
  });

  it('removes what expired and, when it is empty, itself and its alarm', async () => {
    const object = objectOf();
    const [short, long] = [uniqueDigest(), uniqueDigest()];
    await object.writeEntry(keysOf(short, { ...TERMS, lifeMs: 0 }), entryFor(short, Date.now()));
    await object.writeEntry(keysOf(long), entryFor(long, Date.now()));
    await object.clearTags({ ...TERMS, lifeMs: 0 }, ['latest'], { until: Date.now(), sparesLater: false });
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
    await runInDurableObject(object, (_instance, { storage }) => {
      storage.sql.exec('UPDATE entries SET expires = 0');
    });
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
    // It works on, as a new one.
    await object.writeEntry(keysOf(long), entryFor(long, Date.now()));
    expect(await object.readEntries(keysOf(long))).toMatchObject([{ entry: { descriptor: { digest: long } } }]);
  });

  it('keeps the sixteen variants of a tag that were written last', async () => {
    const object = objectOf();
    const pointer = { digest: uniqueDigest(), verifiedAt: Date.now() };
    const keys = Array.from({ length: 20 }, (_, n) => ({ tag: 'latest', variant: `v${n}` }));
    for (const [n, key] of keys.entries()) await object.writePointer({ ...TERMS, lifeMs: LIFE_MS + n }, key, pointer);
    await object.noteTag(TERMS, 'latest', pointer, false);
    const found = await object.readPointers(TERMS, keys);
    expect(found.filter((stored) => stored.pointer).length).toBe(16);
    expect(found.slice(-16).every((stored) => stored.pointer)).toBe(true);
  });
});

describe('createDurableStore', () => {
  it('names objects by origin and alias, and passes the location on', async () => {
    const names: string[] = [];
    const hints: unknown[] = [];
    const namespace = {
      idFromName(name: string) {
        names.push(name);
        return OBJECTS.idFromName(name);
      },
      get(id: unknown, options?: { locationHint?: string | undefined }) {
        hints.push(options?.locationHint);
        return OBJECTS.get(id);
      },
    };
    for (const alias of ['', 'hub']) {
      const options = storeOptions({ alias, origin: 'https://registry.test/' });
      createDurableStore({ namespace, location: 'weur' }, options).descriptors('a/b' as never, 'blobs');
    }
    expect(names).toEqual(['https://registry.test/ a/b', 'upstream::hub::https://registry.test/ a/b']);
    expect(hints).toEqual(['weur', 'weur']);
  });
});
