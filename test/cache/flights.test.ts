import { describe, expect, it } from 'vitest';
import { createFlights, type Question } from '../../src/cache/flights.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { entryFor, someDigest } from '../support/digests.ts';

const question: Question = { name: parseRepositoryName('a/b'), rest: 'digest Basic x' };
const entry = entryFor(someDigest(), 1);
const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('createFlights', () => {
  it('shares what the origin confirmed with all who follow', async () => {
    const flights = createFlights();
    const flight = flights.lead(question, false);
    expect(flights.lead(question, false)).toBeUndefined();
    const waiting = [flights.follow(question), flights.follow(question)];
    flight?.answered(entry);
    expect(await Promise.all(waiting)).toEqual([entry, entry]);
  });

  it('shares nothing but a confirmed entry', async () => {
    const flights = createFlights();
    const flight = flights.lead(question, false);
    const waiting = flights.follow(question);
    flight?.answered(undefined);
    expect(await waiting).toBeUndefined();
  });

  it('lets who comes after the answer wait until it stands in the store, and nobody before', async () => {
    const flights = createFlights();
    const flight = flights.lead(question, false);
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
    expect(flights.lead(question, false)).toBeDefined();
  });

  it('keeps questions apart', async () => {
    const flights = createFlights();
    flights.lead(question, false);
    expect(flights.lead({ ...question, rest: 'digest Basic y' }, false)).toBeDefined();
    expect(flights.lead({ ...question, name: parseRepositoryName('a/c') }, false)).toBeDefined();
    expect(await flights.follow({ ...question, rest: 'other Basic x' })).toBeUndefined();
  });

  it('lets nobody follow what was asked before a write in that repository', async () => {
    const flights = createFlights();
    const other = { ...question, name: parseRepositoryName('a/bc') };
    const before = flights.lead(question, false);
    flights.lead(other, false);
    flights.close(question.name);
    expect(await flights.follow(question)).toBeUndefined();
    expect(flights.lead(question, false)).toBeDefined();
    before?.landed();
    expect(flights.lead(question, false)).toBeUndefined();
    expect(flights.lead(other, false)).toBeUndefined();
  });

  it('lets somebody lead anew who has not looked into the store, once there is an answer', () => {
    const flights = createFlights();
    const first = flights.lead(question, false);
    expect(flights.lead(question, true)).toBeUndefined();
    first?.answered(undefined);
    expect(flights.lead(question, false)).toBeUndefined();
    expect(flights.lead(question, true)).toBeDefined();
    first?.landed();
    expect(flights.lead(question, false)).toBeUndefined();
  });

  it('gives up on a flight that never answers, for all who come later too', { timeout: 20_000 }, async () => {
    const flights = createFlights();
    const lost = flights.lead(question, false);
    expect(await flights.follow(question)).toBeUndefined();
    expect(flights.lead(question, false)).toBeDefined();
    lost?.landed();
    expect(flights.lead(question, false)).toBeUndefined();
  });
});
