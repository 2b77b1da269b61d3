import { beforeAll, expect, test } from 'vitest';
import { CLIENTS } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { isHit } from './support/hits.ts';
import { request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { containerd } from './support/journeys/containerd.ts';
import { podman } from './support/journeys/podman.ts';
import { REGISTRIES, type Registry, startRegistry, USER, USER_CREDS, USER_HEADERS } from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { describeWith, type Tool } from './support/tools.ts';
import { pulledTree } from './support/tree.ts';

const PROGRAMS: readonly Tool[] = ['containerd', 'crane', 'ctr', 'oras', 'podman', 'regctl', 'skopeo'];
const [LENT, OTHER] = ['team/app', 'secret/app'];
const ACCEPT = { accept: 'application/vnd.oci.image.manifest.v1+json' };

for (const kind of REGISTRIES) {
  describeWith([kind, ...PROGRAMS], `${kind} with a login, behind a mirror that lends an account`, () => {
    let origin: Registry;
    let edge: Edge;
    let image: Image;
    const start = (variables: Record<string, string> = {}) =>
      startEdge({
        ...{ origin: origin.url, backend: 'durable' },
        variables: {
          ...{ CLIENT_AUTH: 'anonymous', ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: USER.name },
          ...{ ORIGIN_PASSWORD: USER.password, ALLOW_REPOSITORIES: 'team/*', ...variables },
        },
      });
    beforeAll(async () => {
      origin = await startRegistry({ kind, guarded: true });
      edge = await start();
      image = await makeImage(`lent at ${kind}`);
      for (const name of [LENT, OTHER]) await expectPush(image, `${origin.host}/${name}:v1`, USER_CREDS);
    });
    const manifestOf = (host: string, name: string, headers = {}) =>
      request('GET', `${host}/v2/${name}/manifests/v1`, { headers: { ...ACCEPT, ...headers } });

    test.for(CLIENTS)('$name pulls without a login what is lent, and nothing else', async (client) => {
      const pulled = await client.pull(`${edge.host}/${LENT}:v1`);
      expect(pulled).toMatchObject(SUCCESS);
      expect(Object.keys(await pulledTree(pulled.folder)).length).toBeGreaterThan(2);
      expect((await client.pull(`${edge.host}/${OTHER}:v1`)).code).not.toBe(0);
      expect((await client.pull(`${origin.host}/${LENT}:v1`)).code).not.toBe(0);
    });

    test.for([containerd, podman])('$name pulls without a login what is lent, and nothing else', async (engine) => {
      const session = await engine.open({ env: {} });
      expect(await session.pull(`${edge.host}/${LENT}:v1`)).toMatchObject(SUCCESS);
      expect((await session.pull(`${edge.host}/${OTHER}:v1`)).code).not.toBe(0);
    });

    test('the bytes are those of the registry, cold and warm', async () => {
      const direct = await manifestOf(origin.url, LENT, USER_HEADERS);
      const answers = [await manifestOf(edge.url, LENT), await manifestOf(edge.url, LENT)];
      expect(answers.map(({ status, body }) => [status, body.equals(direct.body)])).toEqual(Array(2).fill([200, true]));
      expect(isHit(answers[1] as (typeof answers)[number])).toBe(true);
    });

    test('pushes, the catalog and other repositories stay closed, also to a caller with the password', async () => {
      const status = async (method: string, path: string) =>
        (await request(method, edge.url + path, { headers: { ...ACCEPT, ...USER_HEADERS } })).status;
      expect(await status('GET', `/v2/${OTHER}/manifests/v1`)).toBe(403);
      expect(await status('GET', '/v2/_catalog')).toBe(404);
      expect(await status('POST', `/v2/${LENT}/blobs/uploads/`)).toBe(404);
      expect(await status('PUT', `/v2/${LENT}/manifests/v2`)).toBe(405);
      expect(await status('DELETE', `/v2/${LENT}/manifests/v1`)).toBe(405);
    });

    test('with a password that is wrong, callers get a 502 and no challenge', async () => {
      const other = await start({ ORIGIN_PASSWORD: 'wrong' });
      const { status, headers } = await manifestOf(other.url, LENT);
      expect([status, headers['www-authenticate']]).toEqual([502, undefined]);
      await other.process.waitFor(/the origin refuses the edge's account/);
    });

    test('for public content only, nothing of a registry that shows nothing to strangers is lent', async () => {
      const other = await start({ LEND_ACCOUNT: 'public', ALLOW_REPOSITORIES: '**' });
      expect((await manifestOf(other.url, LENT)).status).toBe(403);
    });
  });
}
