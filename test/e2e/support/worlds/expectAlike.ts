import { expect } from 'vitest';
import type { Edge } from '../edge.ts';
import { findDivergence, type Sequence } from './search.ts';
import { ONLY, SEED } from './settings.ts';
import { Tally } from './tally.ts';

const LEAST_HIT_SHARE = 0.3;

/** Sends a sequence, and expects that the worlds never differ and that the cache answers. */
export async function expectAlike(edges: readonly Edge[], sequence: Sequence): Promise<void> {
  const tally = new Tally();
  const startedAt = Date.now();
  const found = await findDivergence(sequence, (exchange, used) => tally.count(exchange, used));
  console.log(`seed ${SEED}, ${Date.now() - startedAt} ms: ${tally}`);

  const replay = found && `WORLDS_SEED=${SEED} WORLDS_STEPS=${found.places}: ${found.text}`;
  expect(replay ?? 'no divergence').toBe('no divergence');
  for (const { process } of edges)
    expect(process.stdout() + process.stderr()).not.toMatch(/unexpected error|uncaught exception/i);
  if (!ONLY) expect(tally.hitShare, 'the cache answers').toBeGreaterThan(LEAST_HIT_SHARE);
}
