import { describe, expect, it } from 'vitest';
import { createFlights, type Question } from '../../src/cache/flights.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { entryFor, someDigest } from '../support/digests.ts';

const question: Question = { name: parseRepositoryName('a/b'), rest: 'HEAD digest Basic x' };
const entry = entryFor(someDigest(), 1);

describe('createFlights', () => {
  it('shares what the origin confirmed with those who came before its answer', async () => {
    const flights = createFlights();
    const flight = flights.open(question);
    expect(flights.open(question)).toBeUndefined();
    const waiting = [flights.join(question), flights.join(question)];
    flight?.answered(entry);
    expect(await Promise.all(waiting)).toEqual([entry, entry]);
  });

  it('shares nothing but a confirmed entry', async () => {
    const flights = createFlights();
    const flight = flights.open(question);
    const waiting = flights.join(question);
    flight?.answered(undefined);
    expect(await waiting).toBeUndefined();
  });

  it('sends those who came after the answer to the store, once it stands there', async () => {
    const flights = createFlights();
    const flight = flights.open(question);
    flight?.answered(entry);
    let done = false;
    const waiting = flights.join(question).then((shared) => {
      done = true;
      return shared;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done).toBe(false);
    flight?.landed();
    expect(await waiting).toBe('landed');
    expect(flights.open(question)).toBeDefined();
  });

  it('keeps questions apart', async () => {
    const flights = createFlights();
    flights.open(question);
    expect(flights.open({ ...question, rest: 'HEAD digest Basic y' })).toBeDefined();
    expect(flights.open({ ...question, name: parseRepositoryName('a/c') })).toBeDefined();
    expect(await flights.join({ ...question, rest: 'HEAD other Basic x' })).toBeUndefined();
  });

  it('lets nobody join what was asked before a write in that repository', async () => {
    const flights = createFlights();
    const [before, other] = [flights.open(question), { ...question, name: parseRepositoryName('a/bc') }];
    flights.open(other);
    flights.close(question.name);
    const after = flights.open(question);
    expect(after).toBeDefined();
    before?.landed();
    expect(flights.open(question)).toBeUndefined();
    expect(flights.open(other)).toBeUndefined();
  });

  it('gives up on a flight that never answers, for all who come later too', { timeout: 10_000 }, async () => {
    const flights = createFlights();
    const lost = flights.open(question);
    expect(await flights.join(question)).toBeUndefined();
    const next = flights.open(question);
    expect(next).toBeDefined();
    lost?.landed();
    expect(flights.open(question)).toBeUndefined();
  });
});
