import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { basic, head, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { type Registry, startRegistry, USER, USER_CREDS, USER_HEADERS } from './support/registry.ts';
import { type Chain, startChain } from './support/setups.ts';
import { expectPull, expectPush, pull, push, SUCCESS } from './support/skopeo.ts';
import { describeBackends, describeWith } from './support/tools.ts';

describeBackends(
  ['docker-registry', 'skopeo'],
  'CLIENT_AUTH=origin before an origin that requires a login',
  (backend) => {
    const store = backend === 'inmemory' ? 'memory' : backend;
    let origin: Registry;
    let edge: Edge;
    let image: Image;
    let path: string;
    beforeAll(async () => {
      origin = await startRegistry({ guarded: true });
      edge = await startEdge({ origin: origin.url, backend });
      image = await makeImage(`login ${backend}`);
      path = `/v2/team/app/blobs/${image.layers[0].digest}`;
      await expectPush(image, `${origin.host}/team/app:v1`, USER_CREDS);
    });

    async function expectUnauthorized(headers: Record<string, string>): Promise<void> {
      const direct = await head(origin.url + path, headers);
      const edged = await head(edge.url + path, headers);
      expect(direct.status).toBe(401);
      expect(edged.status).toBe(401);
      expect(direct.headers['www-authenticate']).toContain('Basic');
      expect(edged.headers['www-authenticate']).toBe(direct.headers['www-authenticate']);
      for (const name of ['cache-status', 'server-timing', 'docker-content-digest', 'etag']) {
        expect([name, edged.headers[name]]).toEqual([name, undefined]);
      }
    }

    test("HEAD of a cold blob without credentials: 401, the origin's challenge, no header of the cache", async () => {
      await expectUnauthorized({});
    });

    test('HEAD of a blob with the right credentials: cold, then warm', async () => {
      const cold = await head(edge.url + path, USER_HEADERS);
      const warm = await head(edge.url + path, USER_HEADERS);
      expect([cold.status, warm.status]).toEqual([200, 200]);
      expect(cold.headers['cache-status']).toMatch(/^registry-edge; fwd=miss/);
      expect(warm.headers['cache-status']).toBe(`registry-edge; hit; detail=${store}`);
    });

    test.for([
      ['without credentials', {}],
      ['with a wrong password', basic(USER.name, 'wrong')],
      ['with an unknown user', basic('mallory', USER.password)],
      ['with a bearer token', { authorization: 'Bearer AAAA' }],
      ['with a cookie alone', { cookie: `auth=${USER_HEADERS.authorization}` }],
    ] as [string, Record<string, string>][])(
      "HEAD of a warm blob %s: 401, the origin's challenge, no header of the cache",
      async ([, headers]) => {
        expect((await head(edge.url + path, USER_HEADERS)).headers['cache-status']).toContain('; hit;');
        await expectUnauthorized(headers);
      },
    );

    test('skopeo push and pull succeed with credentials and fail without', async () => {
      const pushed = await makeImage(`pushed with login ${backend}`);
      await expectPush(pushed, `${edge.host}/team/app:v2`, USER_CREDS);
      await expectPull(`${edge.host}/team/app:v2`, pushed, USER_CREDS);

      expect(await push(pushed.source, `${edge.host}/team/app:v3`)).not.toMatchObject(SUCCESS);
      expect(await pull(`${edge.host}/team/app:v2`)).not.toMatchObject(SUCCESS);
    });

    test('the log holds no credential', () => {
      const log = edge.process.stdout() + edge.process.stderr();
      expect(log).toContain('/v2/team/app/blobs/');
      for (const secret of [USER.password, USER_HEADERS.authorization.slice('Basic '.length)])
        expect(log).not.toContain(secret);
    });
  },
);

describeWith(['docker-registry', 'skopeo'], 'CLIENT_AUTH=anonymous', () => {
  let chain: Chain;
  let image: Image;
  beforeAll(async () => {
    chain = await startChain({ backend: 'durable', variables: { CLIENT_AUTH: 'anonymous' } });
    image = await makeImage('anonymous');
    await expectPush(image, `${chain.origin.host}/app:v1`);
  });

  test('skopeo pull succeeds with the same bytes', () => expectPull(`${chain.edge.host}/app:v1`, image));

  test('skopeo push fails, and no write reaches the origin', async () => {
    const { origin, proxy, edge } = chain;
    const other = await makeImage('refused');
    expect(await push(other.source, `${edge.host}/app:v2`)).not.toMatchObject(SUCCESS);
    expect(proxy.requests.filter((sent) => !/^(?:GET|HEAD) /.test(sent))).toEqual([]);
    expect((await head(`${origin.url}/v2/app/manifests/v2`)).status).toBe(404);
  });

  test.for([
    ['POST', 'blobs/uploads/'],
    ['PATCH', 'blobs/uploads/123'],
    ['PUT', 'manifests/v1'],
    ['DELETE', 'manifests/v1'],
    ['DELETE', 'blobs/<digest>'],
  ] as const)('%s /v2/<name>/%s: 405 UNSUPPORTED, and nothing reaches the origin', async ([method, rest]) => {
    const { proxy, edge } = chain;
    const before = proxy.requests.length;
    const path = rest.replace('<digest>', image.config.digest);
    const { status, headers, body } = await request(method, `${edge.url}/v2/app/${path}`);
    expect([status, headers['content-type']]).toEqual([405, 'application/json']);
    expect(JSON.parse(body.toString()).errors[0].code).toBe('UNSUPPORTED');
    expect(proxy.requests.slice(before)).toEqual([]);
  });
});
