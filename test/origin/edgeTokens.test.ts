import { expect, it } from 'vitest';
import { createBudget } from '../../src/http/body/budget.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { createEdgeTokens } from '../../src/origin/edgeTokens.ts';
import { contextOf, createClock } from '../support/context.ts';
import { createScriptedServer } from '../support/scripted.ts';

const SCOPES = 150;

it('an account that cannot be renewed costs no trial: tokens are given as soon as it can', async () => {
  const server = createScriptedServer({ body: '{"token":"given","expires_in":300}' });
  let isDown = true;
  const account = {
    async authorization() {
      if (isDown) throw new Error('the account cannot be renewed');
      return 'Basic account';
    },
  };
  const [memory, bodies] = [createMemory({ entries: 1_000, bytes: 1_000_000 }), createBudget(1_000_000)];
  const tokens = createEdgeTokens({ memory, bodies, timeoutMs: 1_000, account });
  const clock = createClock();
  const get = (name: string) =>
    tokens.get(contextOf(clock), {
      realm: new URL(`${server.url}/token`),
      service: 's',
      scope: `repository:${name}:pull`,
    });
  for (let n = 0; n < SCOPES; n++) await expect(get(`down-${n}`)).rejects.toThrow('cannot be renewed');
  expect(await server.calls()).toEqual([]);
  isDown = false;
  expect(await get('up')).toMatchObject({ kind: 'issued', token: 'given' });
});
