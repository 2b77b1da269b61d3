import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type CallerRow, makeCallers } from '../support/policies/callers.ts';
import { makeContents, PLACES } from '../support/policies/content.ts';
import { type Asked, expected } from '../support/policies/oracle.ts';
import { listen } from '../support/policies/origin.ts';
import { methodOf, READS, ROUTES } from '../support/policies/routes.ts';
import { DURABLE_ROWS, POLICY_ROWS, type PolicyRow } from '../support/policies/rows.ts';
import { type Seen, World } from '../support/policies/world.ts';

/**
 * The table once more with POLICY_MODE=report: each answer is the one that is given without any policy, and what would
 * be another one is told.
 */
const contents = await makeContents();
const CALLERS = await makeCallers();
/** How patterns match makes no difference here. */
const ROWS = [
  ...POLICY_ROWS.filter(({ name }) => name !== 'no policy' && !/REPOSITORIES with/.test(name)),
  ...DURABLE_ROWS,
];

beforeAll(listen);
afterAll(() => {
  vi.restoreAllMocks();
});

describe.each([false, true])('policies that are only reported, warm: %s', (isWarm) => {
  describe.each(ROWS)('$name', (policy) => {
    it.each(CALLERS)('change no answer to $name, and tell what they would change', async (caller) => {
      const store = DURABLE_ROWS.includes(policy) ? 'durable' : 'inmemory';
      const common = { contents, caller, isWarm, store } as const;
      const free = await World.create({ ...common, variables: notReported(policy, caller) });
      const variables = { ...policy.variables, POLICY_MODE: 'report' };
      const reporting = await World.create({ ...common, variables });
      // Every cold cell has objects of its own, which take long to make.
      const isSlow = store === 'durable' && !isWarm;
      for (const route of isSlow ? READS : ROUTES) {
        for (const place of PLACES) {
          const asked: Asked = { policy, caller, route, place, isWarm };
          const [without, reported] = [await free.send(route, place), await reporting.send(route, place)];
          const cell = `${route.name} in ${place}`;
          expect({ cell, ...answerOf(reported) }).toEqual({ cell, ...answerOf(without) });
          const told = toldOf(asked);
          expect({ cell, told: reported.events }).toEqual({ cell, told });
          const fields = { denied: fieldOf(told, 'denied'), reported: fieldOf(told, 'reported') };
          expect({ cell, ...reported.answered }).toMatchObject({ cell, ...fields });
          // Where a tag leads that never moves has to be asked before it does.
          const isAsked = reported.answered.origin.length > without.answered.origin.length;
          const extra = isAsked ? ['HEAD'] : [];
          expect([cell, isAsked]).toEqual([cell, asksMore(asked, without)]);
          expect([cell, reported.answered.origin]).toEqual([cell, [...extra, ...without.answered.origin]]);
        }
      }
    });
  });
});

/** Returns what holds in both modes: windows refuse nothing, and an account is never lent for more than is named. */
function notReported({ variables }: PolicyRow, { isLent }: CallerRow): Record<string, string> {
  const kept = ['TAG_TTLS', ...(isLent ? ['ALLOW_REPOSITORIES'] : [])];
  return Object.fromEntries(Object.entries(variables).filter(([name]) => kept.includes(name)));
}

function answerOf({ response, body }: Seen) {
  const headers = Object.fromEntries(response.headers);
  for (const name of ['date', 'server-timing']) delete headers[name];
  return { status: response.status, headers, body };
}

/** Returns what is told: each policy says what it would do, also after another one would have refused the request. */
function toldOf(asked: Asked): string[] {
  const { closes: _none, closesAll: _all, ...others } = asked.policy;
  const each = [asked.policy, others].map((policy) => expected({ ...asked, policy }).denied);
  const isDenied = (denied: string) => denied === 'USERS' || (denied === 'ALLOW_REPOSITORIES' && asked.caller.isLent);
  const told = [...new Set(each)].filter((denied) => denied !== undefined);
  return told.map((denied) => `${isDenied(denied) ? 'denied' : 'reported'} ${denied}`);
}

/** Returns a field of the log: the policies with this outcome. */
function fieldOf(told: readonly string[], outcome: string): string | undefined {
  const policies = told.filter((each) => each.startsWith(outcome)).map((each) => each.slice(outcome.length + 1));
  return policies.length > 0 ? policies.join() : undefined;
}

function asksMore({ policy, route, place }: Asked, { answered }: Seen): boolean {
  const isImmutable = route.tag !== undefined && policy.immutable?.(place, route.tag) === true;
  return isImmutable && methodOf(route) === 'PUT' && answered.status === 201;
}
