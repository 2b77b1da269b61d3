import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeCallers } from '../support/policies/callers.ts';
import { makeContents, PLACES } from '../support/policies/content.ts';
import { type Answered, expected } from '../support/policies/oracle.ts';
import { listen } from '../support/policies/origin.ts';
import { READS, ROUTES } from '../support/policies/routes.ts';
import { DURABLE_ROWS, POLICY_ROWS } from '../support/policies/rows.ts';
import { World } from '../support/policies/world.ts';

/**
 * What every policy makes of every request of every caller, cold and warm: the status, the policy that the error and the
 * log name, and what the origin was asked. The expectation is computed from the documentation (`oracle.ts`).
 */
const contents = await makeContents();
const CALLERS = await makeCallers();
const STATES = [
  { isWarm: false, store: 'inmemory', rows: POLICY_ROWS },
  { isWarm: true, store: 'inmemory', rows: POLICY_ROWS },
  { isWarm: true, store: 'durable', rows: [...POLICY_ROWS.slice(-1), ...DURABLE_ROWS] },
  { isWarm: false, store: 'durable', rows: DURABLE_ROWS },
] as const;

beforeAll(listen);
afterAll(() => {
  vi.restoreAllMocks();
});

it('has at least 9,000 cells', () => {
  const rows = STATES.reduce((sum, state) => sum + state.rows.length, 0);
  expect(rows * CALLERS.length * ROUTES.length * PLACES.length).toBeGreaterThanOrEqual(9_000);
});

describe.each(STATES)('cache in $store, warm: $isWarm', ({ rows, ...state }) => {
  describe.each(rows)('$name', (policy) => {
    it.each(CALLERS)('answers each request of $name as it is documented', async (caller) => {
      const world = await World.create({ contents, caller, variables: policy.variables, ...state });
      const given: Record<string, Answered> = {};
      const wanted: Record<string, Answered> = {};
      // Every cold cell has objects of its own, which take long to make.
      const isSlow = state.store === 'durable' && !state.isWarm;
      for (const route of isSlow ? READS : ROUTES) {
        for (const place of PLACES) {
          const cell = `${route.name} in ${place}`;
          given[cell] = (await world.send(route, place)).answered;
          wanted[cell] = expected({ policy, caller, route, place, ...state });
        }
      }
      expect(given).toEqual(wanted);
    });
  });
});
