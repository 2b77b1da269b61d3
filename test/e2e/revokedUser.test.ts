import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ACCOUNT_CREDS, startAccountOrigin } from './support/accountOrigins.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type EdgeUser, makeUser, variablesOf } from './support/edgeUsers.ts';
import { isHit } from './support/hits.ts';
import { request } from './support/http.ts';
import { makeImage } from './support/image.ts';
import { freePort } from './support/port.ts';
import { expectPush } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const INTERVAL_MS = 200;
const LIMIT_MS = 60_000;
const NAME = 'team/app';

/** What a user was answered, at a time of `performance.now()`; no status: nobody answered. */
interface Asked {
  readonly at: number;
  readonly status: number | undefined;
  readonly isHit: boolean;
}

describeWith(['registry', 'skopeo'], 'a user that is taken from USERS, and the edge deployed again', () => {
  test('is out within a minute, though its login was warm, and others stay', { timeout: 2 * LIMIT_MS }, async () => {
    const origin = await startAccountOrigin({ kind: 'registry', demands: 'login' });
    const [gone, stays] = [await makeUser('gone', { pull: ['team/*'] }), await makeUser('stays', { pull: ['team/*'] })];
    const image = await makeImage('a user that is taken away');
    await expectPush(image, `${origin.registry.host}/${NAME}:v1`, ACCOUNT_CREDS);
    const port = { PORT: String(await freePort()) };
    const deploy = (users: readonly EdgeUser[], keepsState: boolean): Promise<Edge> => {
      const variables = { ...origin.variables, ...variablesOf(users), ...port, ALLOW_REPOSITORIES: 'team/*' };
      return startEdge({ origin: origin.proxy.url, backend: 'durable', variables, keepsState });
    };
    const before = await deploy([gone, stays], false);
    const path = `${before.url}/v2/${NAME}/blobs/${image.layers[0].digest}`;
    const [asGone, asStays] = [watch(path, gone), watch(path, stays)];
    for (const { answers } of [asGone, asStays])
      await until('the login and the blob are warm', () => answers.filter((answer) => answer.isHit).length >= 3);

    const changedAt = performance.now();
    await before.process.stop();
    await deploy([stays], true);
    const after = () => asGone.answers.filter(({ at }) => at > changedAt);
    await until('the user is out', () => after().some(({ status }) => status === 401), LIMIT_MS);
    // What is let in once more would be so by an isolate that remembers the login.
    await setTimeout(5 * INTERVAL_MS);
    await Promise.all([asGone.stop(), asStays.stop()]);

    const letIn = after().filter(({ status }) => status === 200);
    const outAfterMs = (letIn.at(-1)?.at ?? changedAt) - changedAt;
    const refusedAfterMs = (after().find(({ status }) => status === 401)?.at ?? Number.NaN) - changedAt;
    console.log(`let in for ${Math.ceil(outAfterMs)} ms, refused after ${Math.ceil(refusedAfterMs)} ms`);
    expect(outAfterMs).toBeLessThanOrEqual(LIMIT_MS);
    expect(refusedAfterMs).toBeLessThanOrEqual(LIMIT_MS);
    expect(asGone.answers.at(-1)).toMatchObject({ status: 401, isHit: false });
    expect(asStays.answers.at(-1)).toMatchObject({ status: 200 });
  });
});

/** Asks with a user's login, again and again, until it is stopped. */
function watch(url: string, { headers }: EdgeUser) {
  const answers: Asked[] = [];
  let isStopped = false;
  async function ask(): Promise<void> {
    const answer = await request('HEAD', url, { headers, hasOwnConnection: true }).catch(() => undefined);
    const at = performance.now();
    answers.push({ at, status: answer?.status, isHit: answer !== undefined && isHit(answer) });
  }
  async function askUntilStopped(): Promise<void> {
    for (; !isStopped; await setTimeout(INTERVAL_MS)) await ask();
  }
  const over = askUntilStopped();
  return {
    answers,
    stop(): Promise<void> {
      isStopped = true;
      return over;
    },
  };
}
