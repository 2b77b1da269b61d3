import { describe, expect, it } from 'vitest';
import { createFlights } from '../../src/cache/flights.ts';

describe('createFlights', () => {
  it('lets one ask and the others wait until it has landed', async () => {
    const flights = createFlights();
    const land = flights.open('question');
    expect(land).toBeDefined();
    expect(flights.open('question')).toBeUndefined();
    expect(flights.open('another')).toBeDefined();
    let landed = false;
    const waiting = flights.landing('question').then(() => {
      landed = true;
    });
    await Promise.resolve();
    expect(landed).toBe(false);
    land?.();
    await waiting;
    expect(flights.open('question')).toBeDefined();
  });

  it('does not wait for what nobody asks', async () => {
    await expect(createFlights().landing('question')).resolves.toBeUndefined();
  });

  it('gives up on a flight that never lands, for all who come later too', { timeout: 10_000 }, async () => {
    const flights = createFlights();
    const land = flights.open('question');
    await flights.landing('question');
    const next = flights.open('question');
    expect(next).toBeDefined();
    land?.();
    expect(flights.open('question')).toBeUndefined();
  });
});
