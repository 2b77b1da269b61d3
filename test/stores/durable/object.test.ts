import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LinkSet } from '../../../src/oci/links.ts';
import type { Call, Clears } from '../../../src/stores/durable/rpc.ts';
import { clearingAhead } from '../../../src/stores/tombstone.ts';
import { type Clock, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest } from '../../support/digests.ts';

import { keysOf, LIFE_MS, objectOf, read, storedIn, TERMS, upTo, write } from '../../support/testObject.ts';

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
