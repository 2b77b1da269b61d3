import { describe, expect, it } from 'vitest';
import { waitedMs } from '../bench/journeys/waited.ts';

const HIT = { headers: { 'cache-status': 'registry-edge; hit; ttl=-5' } };
const MISS = { headers: { 'cache-status': 'registry-edge; fwd=miss' } };

describe('how long a client waits for the origin', () => {
  it('adds up requests that follow one another', () => {
    const clients = [
      { since: 0, until: 85, ...MISS },
      { since: 90, until: 175, ...MISS },
    ];
    expect(
      waitedMs(clients, [
        { since: 2, until: 82 },
        { since: 92, until: 172 },
      ]),
    ).toBe(160);
  });

  it('counts once what is asked at the same time', () => {
    const clients = [
      { since: 0, until: 85, ...MISS },
      { since: 40, until: 125, ...MISS },
    ];
    expect(
      waitedMs(clients, [
        { since: 40, until: 120 },
        { since: 0, until: 80 },
      ]),
    ).toBe(120);
  });

  it('does not count a hit during which the edge asks the origin', () => {
    expect(waitedMs([{ since: 0, until: 20, ...HIT }], [{ since: 5, until: 85 }])).toBe(0);
  });

  it('counts the rest of a question that was asked before', () => {
    expect(
      waitedMs(
        [{ since: 60, until: 170, ...MISS }],
        [
          { since: 0, until: 80 },
          { since: 85, until: 165 },
        ],
      ),
    ).toBe(100);
  });
});
