import { afterEach, describe, expect, it, vi } from 'vitest';
import { delay } from '../../src/async.ts';
import type { Verdict } from '../../src/isolate/openFlights.ts';
import {
  createFlights,
  type FlightQuestion,
  type Flights,
  type Followers,
  type Shared,
} from '../../src/isolate/singleFlight.ts';
import type { Entry } from '../../src/oci/descriptor.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { entryFor, uniqueDigest } from '../support/digests.ts';

const question: FlightQuestion = { name: parseRepositoryName('a/b'), about: 'digest', caller: 'Basic x' };
const entry = entryFor(uniqueDigest(), 1);
const NOW = 1_000_000;
const briefly = () => delay(20);

/** The question of a request that asks the origin, in the hands of a test. */
interface Asking {
  answered(entry: Entry | undefined): void;
  judged(verdict: Verdict | undefined): void;
  landed(): void;
  /** Who followed when the answer arrived; absent if nothing was shared. */
  readonly followers: Followers | undefined;
}

/** `flight`: the request asks the origin, as a leader or for itself. Otherwise it was given an answer. */
type Joined = { readonly flight?: Asking } & Partial<Omit<Shared<Entry>, 'kind'>>;

/** Joins as a caller who looked in the store and saw no tombstone. */
function join(
  flights: Flights,
  other = question,
  more: { nowMs?: number; notBefore?: number; hasLookedUp?: boolean } = {},
): Promise<Joined> {
  const answer = Promise.withResolvers<Entry | undefined>();
  const verdict = Promise.withResolvers<Verdict | undefined>();
  const landed = Promise.withResolvers<void>();
  const asking = Promise.withResolvers<Joined>();
  let followers: Followers | undefined;
  const flight: Asking = {
    answered: answer.resolve,
    judged: verdict.resolve,
    landed: landed.resolve,
    get followers() {
      return followers;
    },
  };
  const run = flights.run<Entry | undefined, Entry>(
    other,
    { nowMs: NOW, notBefore: 0, hasLookedUp: true, ...more },
    {
      ask() {
        asking.resolve({ flight });
        return answer.promise;
      },
      sharedOf: (shared) => shared,
      verdictOn(_shared, { isFollowed, needsVerdict }) {
        followers = { isFollowed, needsVerdict };
        return verdict.promise;
      },
      landed: landed.promise,
    },
  );
  const given = run.then((result): Joined => {
    if (result.kind === 'shared') return result;
    throw new Error('answered with what is not shared, without a question of its own');
  });
  return Promise.race([asking.promise, given]);
}

/** Whether there is an open flight that this caller would follow. */
async function hasOpenFlight(
  flights: Flights,
  other = question,
  more: Parameters<typeof join>[2] = {},
): Promise<boolean> {
  const joined = await Promise.race([join(flights, other, more), briefly().then(() => undefined)]);
  joined?.flight?.landed();
  return !joined?.flight;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('createFlights', () => {
  it('shares a confirmed entry with all followers', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    const waiting = [join(flights), join(flights)];
    await briefly();
    flight?.answered(entry);
    expect(await Promise.all(waiting)).toMatchObject([{ shared: entry }, { shared: entry }]);
  });

  it('shares nothing where the origin confirmed nothing', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    const waiting = join(flights);
    await briefly();
    flight?.answered(undefined);
    expect((await waiting).shared).toBeUndefined();
  });

  it('knows that a follower has not looked in the store, and shares the verdict with all followers', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    const waiting = [join(flights), join(flights, question, { hasLookedUp: false })];
    await briefly();
    flight?.answered(entry);
    await briefly();
    expect(flight?.followers).toEqual({ isFollowed: true, needsVerdict: true });
    const verdicts = (await Promise.all(waiting)).map(({ verdict }) => verdict?.());
    flight?.judged({ at: NOW, clearedUntil: 7 });
    expect(await Promise.all(verdicts)).toEqual([
      { at: NOW, clearedUntil: 7 },
      { at: NOW, clearedUntil: 7 },
    ]);
  });

  it('knows that nobody follows, or only callers who looked in the store', async () => {
    const flights = createFlights();
    const [{ flight: alone }, { flight: followed }] = [
      await join(flights),
      await join(flights, { ...question, about: 'other' }),
    ];
    void join(flights, { ...question, about: 'other' });
    await briefly();
    for (const flight of [alone, followed]) flight?.answered(entry);
    await briefly();
    expect(alone?.followers).toEqual({ isFollowed: false, needsVerdict: false });
    expect(followed?.followers).toEqual({ isFollowed: true, needsVerdict: false });
  });

  it('gives a failed question back to its leader, and lets the followers ask for themselves', async () => {
    const flights = createFlights();
    const failing = {
      ask: () => briefly().then(() => Promise.reject(new Error('unreachable'))),
      sharedOf: () => undefined,
      verdictOn: async () => undefined,
      landed: Promise.resolve(),
    };
    const joining = { nowMs: NOW, notBefore: 0, hasLookedUp: true };
    const leading = flights.run(question, joining, failing);
    const follower = join(flights);
    await expect(leading).rejects.toThrow('unreachable');
    expect((await follower).flight).toBeDefined();
  });

  it('has one leader for all who ask at once', async () => {
    const flights = createFlights();
    const askers = Array.from({ length: 50 }, () => join(flights));
    const first = await Promise.race(askers);
    first.flight?.answered(entry);
    expect((await Promise.all(askers)).filter(({ flight }) => flight)).toHaveLength(1);
  });

  it('landing() waits from the answer until it is in the store', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    await flights.landing(question);
    flight?.answered(entry);
    let done = false;
    const waiting = flights.landing(question)?.then(() => {
      done = true;
    });
    await briefly();
    expect(done).toBe(false);
    flight?.landed();
    await waiting;
    expect(await hasOpenFlight(flights)).toBe(false);
  });

  it.each<[string, FlightQuestion]>([
    ['another credential', { ...question, caller: 'Basic y' }],
    ['no credential', { ...question, caller: '' }],
    ['another repository', { ...question, name: parseRepositoryName('a/c') }],
    ['another question', { ...question, about: 'other' }],
    ['a question that ends as the credential begins', { ...question, about: 'digest Basic', caller: 'x' }],
  ])('keeps questions apart: %s', async (_what, other) => {
    const flights = createFlights();
    await join(flights);
    expect(await hasOpenFlight(flights, other)).toBe(false);
    await flights.landing(other);
  });

  it('nobody follows a flight from before a write in that repository', async () => {
    const flights = createFlights();
    const other = { ...question, name: parseRepositoryName('a/bc') };
    const { flight: before } = await join(flights);
    await join(flights, other);
    flights.close(question.name);
    const { flight: after } = await join(flights);
    expect(after).toBeDefined();
    before?.landed();
    expect(await hasOpenFlight(flights)).toBe(true);
    expect(await hasOpenFlight(flights, other)).toBe(true);
  });

  it('a caller who has not looked in the store leads anew once the answer has arrived', async () => {
    const flights = createFlights();
    const notLooked = { hasLookedUp: false };
    const { flight: first } = await join(flights);
    expect(await hasOpenFlight(flights, question, notLooked)).toBe(true);
    first?.answered(entry);
    expect(await hasOpenFlight(flights)).toBe(true);
    const { flight: second } = await join(flights, question, notLooked);
    expect(second).toBeDefined();
    first?.landed();
    expect(await hasOpenFlight(flights)).toBe(true);
  });

  it('nobody follows a flight from before a tombstone that they saw', async () => {
    const flights = createFlights();
    await join(flights);
    expect(await hasOpenFlight(flights, question, { notBefore: NOW })).toBe(true);
    const { flight } = await join(flights, question, { nowMs: NOW + 5, notBefore: NOW + 1 });
    expect(flight).toBeDefined();
    // Later callers follow the newer flight.
    expect(await hasOpenFlight(flights, question, { notBefore: NOW + 5 })).toBe(true);
  });

  it('a flight that never answers is given up, for later callers as well', async () => {
    const flights = createFlights();
    const { flight: lost } = await join(flights);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const follower = join(flights);
    let isWaiting = true;
    void follower.finally(() => (isWaiting = false));
    await vi.advanceTimersByTimeAsync(9_999);
    expect(isWaiting).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect((await follower).shared).toBeUndefined();
    vi.useRealTimers();
    expect((await join(flights)).flight).toBeDefined();
    lost?.landed();
    expect(await hasOpenFlight(flights)).toBe(true);
  });
});

describe('createFlights: bounds', () => {
  const numbered = (n: number): FlightQuestion => ({ ...question, about: `digest ${n}` });
  const openMany = async (flights: Flights, count: number) => {
    for (let n = 0; n < count; n++) await join(flights, numbered(n));
  };

  it('when there are too many flights, a further question is not shared until one has landed', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    await openMany(flights, 999);
    await join(flights, numbered(1_000));
    expect(await hasOpenFlight(flights, numbered(1_000))).toBe(false);
    expect(await hasOpenFlight(flights, numbered(998))).toBe(true);
    flight?.landed();
    await briefly();
    await join(flights, numbered(1_000));
    expect(await hasOpenFlight(flights, numbered(1_000))).toBe(true);
  });

  it('flights whose leaders are gone make room', async () => {
    const flights = createFlights();
    await openMany(flights, 1_000);
    const before = { nowMs: NOW + 29_999 };
    const later = { nowMs: NOW + 31_000 };
    await join(flights, numbered(1_000), before);
    expect(await hasOpenFlight(flights, numbered(1_000), before)).toBe(false);
    expect(await hasOpenFlight(flights, numbered(1), before)).toBe(true);
    await join(flights, numbered(1_000), later);
    expect(await hasOpenFlight(flights, numbered(1_000), later)).toBe(true);
    expect(await hasOpenFlight(flights, numbered(1), later)).toBe(false);
  });

  it('a very long question is not shared', async () => {
    const flights = createFlights();
    for (const [length, isShared] of [
      [2_048, false],
      [2_000, true],
    ] as const) {
      await join(flights, { ...question, about: 'x'.repeat(length) });
      expect(await hasOpenFlight(flights, { ...question, about: 'x'.repeat(length) })).toBe(isShared);
    }
  });

  it('a long credential is shared, since only its hash is kept', async () => {
    const flights = createFlights();
    const long = { ...question, caller: `Bearer ${'x'.repeat(60_000)}` };
    expect((await join(flights, long)).flight).toBeDefined();
    expect(await hasOpenFlight(flights, long)).toBe(true);
  });
});
