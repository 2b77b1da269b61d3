import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import { Sightings } from '../../../src/stores/durable/sightings.ts';
import type { HistoryTerms } from '../../../src/stores/tagHistory.ts';
import { type Clock, createClock } from '../../support/context.ts';
import { uniqueDigest } from '../../support/digests.ts';
import { objectOf, type TestObject } from '../../support/testObject.ts';

const DAY_MS = 86_400_000;
const HISTORY: HistoryTerms = { forMs: 3 * DAY_MS };

let clock: Clock;
beforeEach(() => {
  clock = createClock(Date.UTC(2026, 0, 1));
});

/** Notes that a tag leads to a digest now. */
const see = (object: TestObject, digest = uniqueDigest(), tag = 'latest') =>
  object.see(HISTORY, tag, { digest, at: clock.now() });
const historyOf = async (object: TestObject) =>
  (await object.readSightings({ tag: 'latest' })).map(({ digest }) => digest);
describe('the history of a tag in use', () => {
  it('has what counted before, however long ago the tag moved', async () => {
    const object = objectOf();
    const [old, current] = [uniqueDigest(), uniqueDigest()];
    await see(object, old);
    clock.advance(1);
    for (let day = 0; day < 200; day++) {
      await see(object, current);
      clock.advance(DAY_MS);
    }
    expect(await historyOf(object)).toEqual([current, old]);
  });

  it('does not bring back what has ended', async () => {
    const object = objectOf();
    await see(object);
    clock.advance(63 * DAY_MS);
    const [seen] = await see(object);
    clock.advance(1);
    await see(object);
    expect((await historyOf(object)).length).toBe(2);
    expect(seen?.isFirst).toBe(true);
  });

  it('costs few rows where the tag moves, and one where it stays, with those of the index', async () => {
    const object = objectOf();
    await see(object);
    const costs = await runInDurableObject(object, (_instance, { storage }) => {
      let cursors: { readonly rowsWritten: number }[] = [];
      const sql = {
        exec: (...args: Parameters<SqlStorage['exec']>) => {
          const cursor = storage.sql.exec(...args);
          cursors.push(cursor);
          return cursor;
        },
      } as SqlStorage;
      const sightings = new Sightings(sql, () => clock.now());
      const costOf = (digest: ReturnType<typeof uniqueDigest>) => {
        cursors = [];
        sightings.see(HISTORY, 'latest', { digest, at: clock.now() });
        return cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
      };
      const moves: number[] = [];
      for (let minute = 0; minute < 100; minute++) {
        clock.advance(60_000);
        moves.push(costOf(uniqueDigest()));
      }
      const last = uniqueDigest();
      clock.advance(60_000);
      costOf(last);
      clock.advance(60_000);
      return { move: Math.max(...moves), stay: costOf(last) };
    });
    expect(costs).toEqual({ move: 3, stay: 1 });
  });
});
