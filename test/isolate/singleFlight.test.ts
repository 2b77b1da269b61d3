import { describe, expect, it } from 'vitest';
import { createFlights, type Flights, type Joined, type Question } from '../../src/isolate/singleFlight.ts';
import type { Entry } from '../../src/oci/descriptor.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { entryFor, someDigest } from '../support/digests.ts';

const question: Question = { name: parseRepositoryName('a/b'), about: 'digest', caller: 'Basic x' };
const entry = entryFor(someDigest(), 1);
const NOW = 1_000_000;
const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A caller who has looked, and saw no tombstone. */
function join(
  flights: Flights,
  asked = question,
  more: { nowMs?: number; notBefore?: number; hasLooked?: boolean } = {},
): Promise<Joined<Entry>> {
  return flights.join(asked, { nowMs: NOW, notBefore: 0, hasLooked: true, ...more });
}

/** Whether somebody leads here already, whom a caller now would follow. */
async function isLed(flights: Flights, asked = question, more: Parameters<typeof join>[2] = {}): Promise<boolean> {
  const joined = await Promise.race([join(flights, asked, more), soon().then(() => undefined)]);
  joined?.flight?.landed();
  return !joined?.flight;
}

describe('createFlights', () => {
  it('shares what the origin confirmed with all who follow', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    const waiting = [join(flights), join(flights)];
    await soon();
    flight?.answered(entry);
    expect(await Promise.all(waiting)).toMatchObject([{ shared: entry }, { shared: entry }]);
  });

  it('shares nothing but a confirmed entry', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    const waiting = join(flights);
    await soon();
    flight?.answered(undefined);
    expect((await waiting).shared).toBeUndefined();
  });

  it('tells those who follow what the leader saw after the answer, if one of them has to know', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    expect([flight?.isFollowed, flight?.isDoubted]).toEqual([false, false]);
    const waiting = [join(flights), join(flights, question, { hasLooked: false })];
    await soon();
    expect([flight?.isFollowed, flight?.isDoubted]).toEqual([true, true]);
    flight?.answered(entry);
    const told = (await Promise.all(waiting)).map(({ verdict }) => verdict?.());
    flight?.judged({ at: NOW, cleared: 7 });
    expect(await Promise.all(told)).toEqual([
      { at: NOW, cleared: 7 },
      { at: NOW, cleared: 7 },
    ]);
  });

  it('has one leader of all who ask at once', async () => {
    const flights = createFlights();
    const askers = Array.from({ length: 50 }, () => join(flights));
    const first = await Promise.race(askers);
    first.flight?.answered(entry);
    expect((await Promise.all(askers)).filter(({ flight }) => flight)).toHaveLength(1);
  });

  it('lets who comes after the answer wait until it stands in the store, and nobody before', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    await flights.landing(question);
    flight?.answered(entry);
    let done = false;
    const waiting = flights.landing(question).then(() => {
      done = true;
    });
    await soon();
    expect(done).toBe(false);
    flight?.landed();
    await waiting;
    expect(await isLed(flights)).toBe(false);
  });

  it.each<[string, Question]>([
    ['another credential', { ...question, caller: 'Basic y' }],
    ['no credential', { ...question, caller: '' }],
    ['another repository', { ...question, name: parseRepositoryName('a/c') }],
    ['another question', { ...question, about: 'other' }],
    ['a question that ends as the credential begins', { ...question, about: 'digest Basic', caller: 'x' }],
  ])('keeps questions apart: %s', async (_what, other) => {
    const flights = createFlights();
    await join(flights);
    expect(await isLed(flights, other)).toBe(false);
    await flights.landing(other);
  });

  it('lets nobody follow what was asked before a write in that repository', async () => {
    const flights = createFlights();
    const other = { ...question, name: parseRepositoryName('a/bc') };
    const { flight: before } = await join(flights);
    await join(flights, other);
    flights.close(question.name);
    const { flight: after } = await join(flights);
    expect(after).toBeDefined();
    before?.landed();
    expect(await isLed(flights)).toBe(true);
    expect(await isLed(flights, other)).toBe(true);
  });

  it('lets somebody lead anew who has not looked into the store, once there is an answer', async () => {
    const flights = createFlights();
    const unlooked = { hasLooked: false };
    const { flight: first } = await join(flights);
    expect(await isLed(flights, question, unlooked)).toBe(true);
    first?.answered(undefined);
    expect(await isLed(flights)).toBe(true);
    const { flight: second } = await join(flights, question, unlooked);
    expect(second).toBeDefined();
    first?.landed();
    expect(await isLed(flights)).toBe(true);
  });

  it('lets nobody follow what was asked before a tombstone that they saw', async () => {
    const flights = createFlights();
    await join(flights);
    expect(await isLed(flights, question, { notBefore: NOW })).toBe(true);
    const { flight } = await join(flights, question, { nowMs: NOW + 5, notBefore: NOW + 1 });
    expect(flight).toBeDefined();
    // Those who come later have the younger one.
    expect(await isLed(flights, question, { notBefore: NOW + 5 })).toBe(true);
  });

  it('gives up on a flight that never answers, for all who come later too', { timeout: 20_000 }, async () => {
    const flights = createFlights();
    const { flight: lost } = await join(flights);
    expect(await join(flights)).toMatchObject({ shared: undefined });
    expect((await join(flights)).flight).toBeDefined();
    lost?.landed();
    expect(await isLed(flights)).toBe(true);
  });
});

describe('what flights hold is bounded', () => {
  const numbered = (n: number): Question => ({ ...question, about: `digest ${n}` });
  const open = async (flights: Flights, count: number) => {
    for (let n = 0; n < count; n++) await join(flights, numbered(n));
  };

  it('in number: beyond it a question is not shared, until others have landed', async () => {
    const flights = createFlights();
    const { flight } = await join(flights);
    await open(flights, 999);
    expect(await join(flights, numbered(1_000))).toEqual({});
    expect(await isLed(flights, numbered(998))).toBe(true);
    flight?.landed();
    expect((await join(flights, numbered(1_000))).flight).toBeDefined();
  });

  it('in age: those whose leaders are gone make room', async () => {
    const flights = createFlights();
    await open(flights, 1_000);
    const before = { nowMs: NOW + 29_999 };
    const later = { nowMs: NOW + 31_000 };
    expect(await join(flights, numbered(1_000), before)).toEqual({});
    expect(await isLed(flights, numbered(1), before)).toBe(true);
    expect((await join(flights, numbered(1_000), later)).flight).toBeDefined();
    expect(await isLed(flights, numbered(1), later)).toBe(false);
  });

  it('in bytes: a question that is very long is not shared', async () => {
    const flights = createFlights();
    expect(await join(flights, { ...question, about: 'x'.repeat(2_048) })).toEqual({});
    expect((await join(flights, { ...question, about: 'x'.repeat(2_000) })).flight).toBeDefined();
  });

  it('and a long credential costs no more than a short one: only its hash is kept', async () => {
    const flights = createFlights();
    const long = { ...question, caller: `Bearer ${'x'.repeat(60_000)}` };
    expect((await join(flights, long)).flight).toBeDefined();
    expect(await isLed(flights, long)).toBe(true);
  });
});
