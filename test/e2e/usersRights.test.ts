import { beforeAll, expect, test } from 'vitest';
import {
  ACCOUNT_CREDS,
  ACCOUNT_KINDS,
  type AccountKind,
  type AccountOrigin,
  startAccountOrigin,
} from './support/accountOrigins.ts';
import { SUCCESS } from './support/command.ts';
import { type Edge, PATIENT, startEdge } from './support/edge.ts';
import { type EdgeUser, makeUser, variablesOf } from './support/edgeUsers.ts';
import { type Answer, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { logIn } from './support/journeys/logIn.ts';
import { crane } from './support/journeys/programs.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { expectPush } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';

/** Which the users may pull, as far as they begin with `team`. */
const NAMES = ['aside/app', 'secret/app', 'team/app', 'team/base', 'team/tools', 'zone/app'] as const;
const [MINE, SECRET] = ['team/app', 'secret/app'];

for (const kind of ACCOUNT_KINDS) {
  describeWith([kind.kind, 'crane', 'skopeo'], `${kind.what}, behind an edge whose users have rights`, () =>
    rights(kind),
  );
}

function rights(kind: AccountKind): void {
  let origin: AccountOrigin;
  let clients: CountingProxy;
  let edge: Edge;
  let image: Image;
  let owner: EdgeUser;
  let pusher: EdgeUser;
  beforeAll(async () => {
    origin = await startAccountOrigin(kind);
    owner = await makeUser('owner', { pull: ['team/*'], push: ['team/*'], delete: ['team/*'], catalog: true });
    pusher = await makeUser('pusher', { pull: ['team/*'], push: ['team/*'] });
    const variables = { ...origin.variables, ...variablesOf([owner, pusher]), ...PATIENT };
    const allowed = { ALLOW_REPOSITORIES: '*/app,team/*' };
    edge = await startEdge({ origin: origin.proxy.url, backend: 'durable', variables: { ...variables, ...allowed } });
    clients = await startCountingProxy(edge.url);
    image = await makeImage(`rights at ${kind.what}`);
    for (const name of NAMES) await expectPush(image, `${origin.registry.host}/${name}:v1`, ACCOUNT_CREDS);
  });

  const ask = (method: string, path: string, user = owner): Promise<Answer> =>
    request(method, edge.url + path, { headers: { ...user.headers, 'content-length': '0' } });
  /** Begins an upload that mounts a layer. @returns what of it the registry got, too */
  async function mount(name: string, from: string) {
    const before = origin.proxy.requests.length;
    const query = new URLSearchParams({ mount: image.layers[0].digest, from });
    const { status, headers } = await ask('POST', `/v2/${name}/blobs/uploads/?${query}`);
    const posts = origin.proxy.requests.slice(before).filter((line) => line.startsWith('POST '));
    return { status, location: headers.location, posts };
  }

  test('a copy within what the user may pull mounts the blobs', async () => {
    const { host } = new URL(clients.url);
    const session = await crane.open(await logIn(crane, host, owner));
    expect(await session.copy(image, `${host}/${MINE}:v1`, `${host}/team/copied:v1`)).toMatchObject(SUCCESS);
    const mounts = clients.answers.filter(({ request: line }) => /^POST .*[?&]mount=/.test(line));
    expect(mounts.map(({ status }) => status)).toEqual(Array(image.layers.length + 1).fill(201));
  });

  test('a mount from where the user may not pull is a plain upload, and the registry hears of no mount', async () => {
    const mounted = await mount('team/mounted', MINE);
    expect([mounted.status, mounted.posts]).toEqual([201, [expect.stringContaining('mount=')]]);
    for (const [at, from] of [SECRET, 'zone/other'].entries()) {
      const { status, posts, location } = await mount(`team/unmounted-${at}`, from);
      expect([status, posts]).toEqual([202, [`POST /v2/team/unmounted-${at}/blobs/uploads/`]]);
      const { digest, bytes } = image.layers[0];
      const headers = { ...owner.headers, 'content-length': String(bytes.length) };
      const put = await request('PUT', `${edge.url}${location}&digest=${digest}`, { headers, body: bytes });
      expect(put.status).toBe(201);
    }
  });

  test('only who may delete deletes', async () => {
    const path = `/v2/team/tools/manifests/${image.manifest.digest}`;
    const before = origin.proxy.requests.length;
    const refused = await ask('DELETE', path, pusher);
    expect([refused.status, JSON.parse(String(refused.body)).errors[0]]).toEqual([
      403,
      expect.objectContaining({ code: 'DENIED', message: 'this user may not delete from the repository' }),
    ]);
    expect(origin.proxy.requests.slice(before)).toEqual([]);
    const exists = async () => (await origin.ask('HEAD', path, 'repository:team/tools:pull')).status;
    expect([await exists(), (await ask('DELETE', path)).status, await exists()]).toEqual([200, 202, 404]);
  });

  test('the catalog is for those who may have it, and names what they may pull', async () => {
    expect((await ask('GET', '/v2/_catalog', pusher)).status).toBe(403);
    const all = await origin.ask('GET', '/v2/_catalog', 'registry:catalog:*');
    expect(JSON.parse(String(all.body)).repositories).toEqual(expect.arrayContaining([...NAMES]));
    const { status, body } = await ask('GET', '/v2/_catalog');
    const { repositories } = JSON.parse(String(body)) as { repositories: string[] };
    expect([status, repositories.filter((name) => !name.startsWith('team/'))]).toEqual([200, []]);
    expect(repositories).toEqual(expect.arrayContaining(['team/app', 'team/base', 'team/tools']));
    expect(await pagesOf('/v2/_catalog?n=1')).toEqual(repositories.map((name) => [name]));
  });

  /** Follows the links from page to page. */
  async function pagesOf(first: string): Promise<string[][]> {
    const pages: string[][] = [];
    for (let path: string | undefined = first; path && pages.length < 20; ) {
      const { headers, body } = await ask('GET', path);
      pages.push(JSON.parse(String(body)).repositories);
      expect(JSON.stringify(headers)).not.toMatch(/aside|secret|zone/);
      [, path] = /^<(\/[^>]+)>; rel="next"$/.exec(headers.link ?? '') ?? [];
    }
    return pages;
  }
}
