import { beforeAll, expect, test } from 'vitest';
import { image, OCI } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, request } from './support/http.ts';
import { type Hub, startHub } from './support/hubs/hub.ts';
import { startRecordingServer } from './support/hubs/recording.ts';
import { TROUBLES, type Trouble } from './support/hubs/troubles.ts';
import { startUntouched } from './support/hubs/untouched.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const KNOWN = '/v2/team/known/manifests/latest';
const TIMEOUT_MS = 1_000;
/** How much longer than `ORIGIN_TIMEOUT` an answer may take on a busy machine. */
const MARGIN_MS = 2_000;

const get = (url: string): Promise<Answer> => request('GET', url, { headers: { accept: OCI.manifest } });
const codeOf = ({ body }: Answer) => JSON.parse(String(body)).errors[0].code;
/** Whether the edge answered by itself because it could not ask. */
const isLastGood = ({ headers }: Answer) => /^registry-edge; fwd=stale; detail=/.test(headers['cache-status'] ?? '');

describeWith([], 'a mirror whose token server is in trouble', () => {
  let trouble: Trouble | undefined;
  let edge: Edge;
  beforeAll(async () => {
    // Between the edge and the token server of the hub.
    const server = await startRecordingServer((received, response) =>
      trouble ? trouble.answer(response) : hub.tokens.answer(received, response),
    );
    const names = ['team/known', ...TROUBLES.map((_, n) => `team/new${n}`)];
    const contents = Object.fromEntries(names.map((name) => [name, image(name)]));
    const hub: Hub = await startHub({ contents, lifeSeconds: 1, realm: `${server.url}/token` });
    edge = await startEdge({
      ...{ origin: hub.registry.url, backend: 'durable' },
      variables: {
        ...{ CLIENT_AUTH: 'anonymous', TOKEN_REALMS_ALLOWED: new URL(server.url).host },
        ...{ TAG_TTL: '0', ORIGIN_TIMEOUT: `${TIMEOUT_MS}ms` },
      },
    });
  });

  test.for(TROUBLES.map((each, n) => ({ ...each, n })))(
    'it $what: a 502 in time for what is not known, the last good answer for what is',
    async ({ n, ...each }) => {
      trouble = undefined;
      await until('the tag is answered', async () => {
        const answer = await get(edge.url + KNOWN);
        return answer.status === 200 && !isLastGood(answer);
      });
      trouble = each;
      const path = `/v2/team/new${n}/manifests/latest`;
      const startedAt = Date.now();
      const cold = await get(edge.url + path);
      expect([cold.status, codeOf(cold)]).toEqual([502, 'UNAVAILABLE']);
      expect(Date.now() - startedAt).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
      // As soon as the token of the known repository has expired.
      const known = await until('the last good answer', async () => {
        const answer = await get(edge.url + KNOWN);
        return isLastGood(answer) ? answer : undefined;
      });
      expect([known.status, known.headers['docker-content-digest']]).toEqual([
        200,
        image('team/known').manifest.digest,
      ]);

      trouble = undefined;
      await until('the edge asks again', async () => (await get(edge.url + path)).status === 200);
    },
  );
});

describeWith([], 'a realm that may not be asked', () => {
  const contents = { 'library/busybox': image('realms') };

  test('on another port of the origin’s host: nobody connects to it, and one line of the log says why', async () => {
    const untouched = await startUntouched();
    const hub = await startHub({ contents, realm: `${untouched.url}/token` });
    const edge = await startEdge({ origin: hub.registry.url, backend: 'durable', variables: { PRESET: 'docker-hub' } });
    for (const reference of ['latest', 'other', 'latest']) {
      const answer = await get(`${edge.url}/v2/busybox/manifests/${reference}`);
      expect([answer.status, codeOf(answer), answer.headers['www-authenticate']]).toEqual([
        ...[502, 'UNAVAILABLE'],
        undefined,
      ]);
    }
    const log = edge.process.stdout() + edge.process.stderr();
    expect(log.match(/^.*TOKEN_REALMS_ALLOWED.*$/gm)).toEqual([expect.stringContaining(new URL(untouched.url).host)]);
    expect(untouched.connections()).toBe(0);
  });

  test('that an allowed one redirects to, with any status: nobody connects to it', async () => {
    const untouched = await startUntouched();
    const statuses = [301, 302, 303, 307, 308];
    const server = await startRecordingServer(({ path }, response) => {
      const [, status] = /n(\d+)/.exec(path) ?? [];
      return response.writeHead(Number(status), { location: untouched.url + path }).end();
    });
    const contents = Object.fromEntries(statuses.map((status) => [`team/n${status}`, image('realms')]));
    const hub = await startHub({ contents, realm: `${server.url}/token` });
    const allowed = [server.url, untouched.url].map((url) => new URL(url).host).join();
    const variables = { CLIENT_AUTH: 'anonymous', TOKEN_REALMS_ALLOWED: allowed };
    const edge = await startEdge({ origin: hub.registry.url, backend: 'durable', variables });
    for (const name of Object.keys(contents))
      expect((await get(`${edge.url}/v2/${name}/manifests/latest`)).status).toBe(502);
    expect(server.received).toHaveLength(statuses.length);
    expect(untouched.connections()).toBe(0);
  });
});
