import { describe, expect, it } from 'vitest';
import { Findings } from '../bench/journeys/findings.ts';
import { type JourneyFigures, linesOf } from '../bench/journeys/lines.ts';
import { FIRST, PAST, WITHIN } from '../bench/journeys/plan.ts';
import { journeysTable } from '../bench/journeys/table.ts';
import { WAY_NAMES } from '../bench/journeys/ways.ts';

const SAMPLE = { ms: 1_000, requests: 11, trips: 11 };
const FAST = { ms: 300, requests: 10, trips: 2.2 };

/** All ways took a second for all pushes that these tests look at. */
function completeFindings(): Findings {
  const findings = new Findings();
  for (const way of WAY_NAMES) {
    for (const journey of [FIRST, WITHIN, PAST]) findings.add(way, journey, SAMPLE);
  }
  return findings;
}

function foundIn(findings: Findings, journey: { readonly name: string }, store: string, client = 'skopeo') {
  return linesOf(client, 8, findings).find((line) => line.journey === journey.name && line.store === store)?.found;
}

describe('the lines of the journeys', () => {
  it('tell the reason in the place of what failed and of what came after it', () => {
    const findings = completeFindings();
    findings.fail('kv', PAST, new Error('the push failed'));

    expect(foundIn(findings, PAST, 'kv')).toBe('the push failed');
    expect(foundIn(findings, WITHIN, 'kv')).toBe('the push failed');
    expect(foundIn(findings, FIRST, 'kv')).toMatchObject({ requests: { edge: { median: 11 } } });
    expect(foundIn(findings, PAST, 'redis')).toMatchObject({ requests: { edge: { median: 11 } } });
    expect(journeysTable(linesOf('skopeo', 8, findings))).toMatch(/\| kv \| not measured: the push failed \|/);
  });

  it('have no figures where there is nothing to compare with', () => {
    const findings = completeFindings();
    findings.fail('direct', PAST, new Error('no registry'));

    expect(foundIn(findings, PAST, 'durable')).toBe('direct: no registry');
    expect(foundIn(findings, FIRST, 'durable')).toMatchObject({ ms: { ratio: { median: 1 } } });
  });

  it('say of each target whether it is met', () => {
    const findings = completeFindings();
    const targetsOf = (store: string) => (foundIn(findings, PAST, store) as JourneyFigures).targets;
    expect(targetsOf('durable').map(({ isMet }) => isMet)).toEqual([false, true]);

    for (let round = 0; round < 2; round++) findings.add('durable', PAST, FAST);
    for (let round = 0; round < 2; round++) findings.add('direct', PAST, SAMPLE);
    expect(targetsOf('durable')).toEqual([
      { bound: 'ratio ≤ 0.4', isMet: true },
      { bound: 'ms ≤ 1,373', isMet: true },
    ]);
    expect(targetsOf('kv')[0]?.isMet).toBe(false);
  });
});
