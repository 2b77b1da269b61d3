import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { basic, head, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Registry, startRegistry, USER } from './support/registry.ts';
import { pull, push, SUCCESS } from './support/skopeo.ts';
import { describeBackends, describeWith } from './support/tools.ts';
import { pulledTreeOf, treeOf } from './support/tree.ts';

const CREDS = `${USER.name}:${USER.password}`;
const RIGHT = basic(USER.name, USER.password);

describeBackends(['docker-registry', 'skopeo'], 'CLIENT_AUTH=origin, the origin asks for a login', (backend) => {
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
    expect(await push(image.source, `${origin.host}/team/app:v1`, CREDS)).toMatchObject(SUCCESS);
  });

  async function expectRefusal(headers: Record<string, string>): Promise<void> {
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

  test("HEAD of a cold blob without credentials: 401 with the origin's challenge, nothing of the cache", async () => {
    await expectRefusal({});
  });

  test('HEAD of a blob with the right credentials: cold, then warm', async () => {
    const cold = await head(edge.url + path, RIGHT);
    const warm = await head(edge.url + path, RIGHT);
    expect([cold.status, warm.status]).toEqual([200, 200]);
    expect(cold.headers['cache-status']).toMatch(/^registry-edge; fwd=miss/);
    expect(warm.headers['cache-status']).toBe(`registry-edge; hit; detail=${store}`);
  });

  test.for([
    ['without credentials', {}],
    ['with a wrong password', basic(USER.name, 'wrong')],
    ['with an unknown user', basic('mallory', USER.password)],
    ['with a bearer token', { authorization: 'Bearer AAAA' }],
    ['with a cookie only', { cookie: `auth=${RIGHT.authorization}` }],
  ] as [string, Record<string, string>][])('HEAD of a warm blob %s: 401, nothing of the cache', async ([, headers]) => {
    expect((await head(edge.url + path, RIGHT)).headers['cache-status']).toContain('; hit;');
    await expectRefusal(headers);
  });

  test('skopeo push and pull: succeed with credentials and fail without', async () => {
    const pushed = await makeImage(`pushed with login ${backend}`);
    expect(await push(pushed.source, `${edge.host}/team/app:v2`, CREDS)).toMatchObject(SUCCESS);
    const pulled = await pull(`${edge.host}/team/app:v2`, CREDS);
    expect(pulled).toMatchObject(SUCCESS);
    expect(await treeOf(pulled.folder)).toMatchObject(pulledTreeOf(pushed));

    expect(await push(pushed.source, `${edge.host}/team/app:v3`)).not.toMatchObject(SUCCESS);
    expect(await pull(`${edge.host}/team/app:v2`)).not.toMatchObject(SUCCESS);
  });

  test('the log of the program shows no credential', () => {
    const log = edge.process.stdout() + edge.process.stderr();
    expect(log).toContain('/v2/team/app/blobs/');
    for (const secret of [USER.password, RIGHT.authorization.slice('Basic '.length)]) expect(log).not.toContain(secret);
  });
});

describeWith(['docker-registry', 'skopeo'], 'CLIENT_AUTH=anonymous', () => {
  let origin: Registry;
  let proxy: CountingProxy;
  let edge: Edge;
  let image: Image;
  beforeAll(async () => {
    origin = await startRegistry();
    proxy = await startCountingProxy(origin.url);
    edge = await startEdge({ origin: proxy.url, backend: 'kv', variables: { CLIENT_AUTH: 'anonymous' } });
    image = await makeImage('anonymous');
    expect(await push(image.source, `${origin.host}/app:v1`)).toMatchObject(SUCCESS);
  });

  test('skopeo pull: succeeds with the same bytes', async () => {
    const pulled = await pull(`${edge.host}/app:v1`);
    expect(pulled).toMatchObject(SUCCESS);
    expect(await treeOf(pulled.folder)).toMatchObject(pulledTreeOf(image));
  });

  test('skopeo push: fails, and no write reaches the origin', async () => {
    const other = await makeImage('refused');
    expect(await push(other.source, `${edge.host}/app:v2`)).not.toMatchObject(SUCCESS);
    expect(proxy.requests.filter((asked) => !/^(?:GET|HEAD) /.test(asked))).toEqual([]);
    expect((await head(`${origin.url}/v2/app/manifests/v2`)).status).toBe(404);
  });

  test.for([
    ['POST', 'blobs/uploads/'],
    ['PATCH', 'blobs/uploads/123'],
    ['PUT', 'manifests/v1'],
    ['DELETE', 'manifests/v1'],
    ['DELETE', 'blobs/<digest>'],
  ] as const)('%s /v2/<name>/%s: 405 UNSUPPORTED, and nothing reaches the origin', async ([method, rest]) => {
    const before = proxy.requests.length;
    const path = rest.replace('<digest>', image.config.digest);
    const { status, headers, body } = await request(method, `${edge.url}/v2/app/${path}`);
    expect([status, headers['content-type']]).toEqual([405, 'application/json']);
    expect(JSON.parse(body.toString()).errors[0].code).toBe('UNSUPPORTED');
    expect(proxy.requests.slice(before)).toEqual([]);
  });
});
