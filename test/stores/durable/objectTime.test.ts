import { runDurableObjectAlarm } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import { clearingAhead } from '../../../src/stores/tombstone.ts';
import { type Clock, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest } from '../../support/digests.ts';

import { keysOf, LIFE_MS, objectOf, read, storedIn, TERMS, write } from '../../support/testObject.ts';

let clock: Clock;
beforeEach(() => {
  clock = createClock(Date.now());
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

  it('refuses what was confirmed before a purge for as long as a row lives, whatever was swept', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    const before = clock.now();
    await write(object, digest, before);
    await object.clear([['allEntries', { ...TERMS, links: 'blobs' }, clearingAhead(clock.now()), 1_000]]);
    clock.advance(LIFE_MS - 1);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    await write(object, digest, before);
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
