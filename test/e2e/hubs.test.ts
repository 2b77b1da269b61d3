import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { crane } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import { image, OCI } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, basic, request } from './support/http.ts';
import { type Hub, startHub } from './support/hubs/hub.ts';
import type { Received } from './support/hubs/recording.ts';
import { pull } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';

const BUSYBOX = image('hubs');
const CONTENTS = { 'library/busybox': BUSYBOX };
const ACCEPT = { accept: OCI.manifest };
const LATEST = '/v2/busybox/manifests/latest';

async function mirrorOf(hub: Hub, variables: Record<string, string> = {}): Promise<Edge> {
  const all = { ...hub.variables, PRESET: 'docker-hub', ...variables };
  return startEdge({ origin: hub.registry.url, backend: 'durable', variables: all });
}

const get = (url: string): Promise<Answer> => request('GET', url, { headers: ACCEPT });
const pullBusybox = (edge: Edge) => crane.pull(`${edge.host}/busybox:latest`);

describeWith(['crane', 'skopeo'], 'a mirror of Docker Hub', () => {
  test('ten runners pull within a minute: one counted pull and one token, also past TAG_TTL', async () => {
    const hub = await startHub({ contents: CONTENTS, maxPulls: 1 });
    const edge = await mirrorOf(hub, { TAG_TTL: '1s' });
    const pullAtOnce = async () => {
      for (const outcome of await Promise.all(Array.from({ length: 5 }, () => pullBusybox(edge))))
        expect(outcome).toMatchObject(SUCCESS);
    };
    await pullAtOnce();
    const asked = hub.registry.received.length;
    await delay(1_100);
    await pullAtOnce();
    expect([hub.pulls(), hub.tokens.issued]).toEqual([1, ['repository:library/busybox:pull']]);
    expect(hub.registry.received.slice(asked).some(({ method }) => method === 'HEAD')).toBe(true);
  });

  test('a token that has expired is fetched again', async () => {
    const hub = await startHub({ contents: CONTENTS, lifeSeconds: 1 });
    const edge = await mirrorOf(hub, { TAG_TTL: '0' });
    for (let n = 0; n < 2; n++) {
      expect((await get(edge.url + LATEST)).status).toBe(200);
      await delay(1_100);
    }
    expect(hub.tokens.issued).toHaveLength(2);
  });

  test('a pull that Docker Hub refuses by its limit is a 429; what was pulled before is answered', async () => {
    const hub = await startHub({ contents: { ...CONTENTS, 'team/app': image('other') }, maxPulls: 1 });
    const edge = await mirrorOf(hub, { TAG_TTL: '1s' });
    expect((await get(edge.url + LATEST)).status).toBe(200);
    const refused = await get(`${edge.url}/v2/team/app/manifests/latest`);
    expect([refused.status, JSON.parse(String(refused.body)).errors[0].code]).toEqual([429, 'TOOMANYREQUESTS']);
    expect(refused.headers['ratelimit-limit']).toBe('1;w=21600');
    expect((await get(edge.url + LATEST)).status).toBe(200);
  });

  test('a list of tags leads on under the name that the client used', async () => {
    const edge = await mirrorOf(await startHub({ contents: CONTENTS }));
    for (const name of ['busybox', 'library/busybox']) {
      const { headers } = await get(`${edge.url}/v2/${name}/tags/list?n=1`);
      expect(headers.link).toBe(`</v2/${name}/tags/list?last=latest&n=1>; rel="next"`);
    }
  });

  test('a crowd that asks for 1,000 unknown repositories gets no more tokens than documented', async () => {
    const hub = await startHub({ contents: CONTENTS });
    const edge = await mirrorOf(hub, { LOG_LEVEL: 'error' });
    expect((await get(edge.url + LATEST)).status).toBe(200);
    const startedAt = Date.now();
    const statuses: number[] = [];
    for (let n = 0; n < 1_000; n += 20) {
      const names = Array.from({ length: 20 }, (_, at) => `crowd/n${n + at}`);
      const answers = names.map((name) =>
        request('HEAD', `${edge.url}/v2/${name}/manifests/latest`, { headers: ACCEPT }),
      );
      statuses.push(...(await Promise.all(answers)).map(({ status }) => status));
    }
    const seconds = Math.ceil((Date.now() - startedAt) / 1_000);
    expect(hub.tokens.issued.length).toBeGreaterThan(100);
    expect(hub.tokens.issued.length).toBeLessThanOrEqual(1 + 100 + seconds);
    expect(new Set(statuses)).toEqual(new Set([403, 502]));
    // Meanwhile and afterwards, what is known is pulled.
    expect((await pullBusybox(edge)).code).toBe(0);
  });
});

describeWith(['crane', 'skopeo'], 'the secrets of callers and of the edge', () => {
  let hub: Hub;
  let edge: Edge;
  const SECRET = 'secret-of-a-user';
  const IDENTITY = {
    ...basic('user', SECRET),
    cookie: `session=${SECRET}`,
    'x-docker-token': SECRET,
    'cf-access-jwt-assertion': SECRET,
    'user-agent': SECRET,
    referer: `https://${SECRET}.example.com`,
  };
  const isSecret = ({ path, headers }: Received) =>
    (path + JSON.stringify(headers)).includes(SECRET) || String(headers.authorization ?? '').startsWith('Basic');

  beforeAll(async () => {
    hub = await startHub({ contents: CONTENTS });
    edge = await mirrorOf(hub, { BLOB_REDIRECT: 'follow' });
  });

  test('a login of the caller reaches no server, whatever is asked for', async () => {
    const [layer] = BUSYBOX.blobs.slice(-1);
    const paths = [
      ...['/v2/', LATEST, `/v2/busybox/blobs/${layer?.digest}`, '/v2/busybox/tags/list', '/v2/_catalog'],
      ...['auth', 'token'].map((end) => `/v2/${end}?account=${SECRET}&service=s&scope=repository:a/b:pull`),
    ];
    for (const path of paths)
      for (const method of ['GET', 'HEAD', 'OPTIONS']) await request(method, edge.url + path, { headers: IDENTITY });
    expect(await pull(`${edge.host}/busybox:latest`, `user:${SECRET}`)).toMatchObject(SUCCESS);
    const servers = [hub.registry, hub.tokenServer, hub.storage];
    for (const { received } of servers) {
      expect(received.length).toBeGreaterThan(0);
      expect(received.filter(isSecret)).toEqual([]);
    }
  });

  test('a token of the edge reaches the registry alone', () => {
    const withToken = ({ received }: { readonly received: readonly Received[] }) =>
      received.filter(({ headers }) => headers.authorization !== undefined);
    expect(withToken(hub.registry).length).toBeGreaterThan(0);
    expect([...withToken(hub.tokenServer), ...withToken(hub.storage)]).toEqual([]);
  });

  test('a realm that is not allowed is never asked: a 502, and the log names the variable', async () => {
    const closed = await mirrorOf(hub, { TOKEN_REALMS_ALLOWED: 'auth.example.com' });
    const asked = hub.tokenServer.received.length;
    const answer = await get(closed.url + LATEST);
    expect([answer.status, JSON.parse(String(answer.body)).errors[0].code]).toEqual([502, 'UNAVAILABLE']);
    expect(answer.headers['www-authenticate']).toBeUndefined();
    const [line = ''] = await closed.process.waitFor(/^.*TOKEN_REALMS_ALLOWED.*$/m);
    expect(line).toContain(new URL(hub.tokenServer.url).host);
    expect(hub.tokenServer.received).toHaveLength(asked);
  });
});
