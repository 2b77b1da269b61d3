import { describe, expect, it } from 'vitest';
import { createEdge, type Edge } from '../support/edge.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import { OCI_MANIFEST, type PushedManifest, pushManifest } from '../support/pushManifest.ts';
import { usersWith } from '../support/users.ts';

/** Two repositories, of which a policy lets one through. */
interface World {
  readonly open: Content;
  readonly closed: Content;
}
interface Content {
  readonly name: string;
  readonly blob: Pushed;
  readonly manifest: PushedManifest;
}

async function contentOf(): Promise<Content> {
  const manifest = await pushManifest();
  return { name: manifest.name, blob: await pushBlob(undefined, manifest.name), manifest };
}

const POLICIES = {
  ALLOW_REPOSITORIES: ({ open }: World) => ({ ALLOW_REPOSITORIES: open.name }),
  DENY_REPOSITORIES: ({ closed }: World) => ({ DENY_REPOSITORIES: closed.name }),
} as const;
type PolicyName = keyof typeof POLICIES;

const MANIFEST = { body: '{"schemaVersion":2}', headers: { 'content-type': OCI_MANIFEST } };
/** Every kind of request, and whether an open mirror takes it. */
const REQUESTS: readonly [name: string, path: (content: Content) => string, init?: RequestInit][] = [
  ['HEAD blob', ({ blob }) => blob.path],
  ['GET blob', ({ blob }) => blob.path],
  ['HEAD manifest', ({ manifest }) => manifest.path],
  ['GET manifest', ({ manifest }) => manifest.path],
  ['GET tag', ({ manifest }) => manifest.tagPath],
  ['GET tags', ({ name }) => `/v2/${name}/tags/list`],
  ['GET referrers', ({ name, manifest }) => `/v2/${name}/referrers/${manifest.digest}`],
  ['POST upload', ({ name }) => `/v2/${name}/blobs/uploads/`],
  ['PUT manifest', ({ name }) => `/v2/${name}/manifests/new`, MANIFEST],
  ['DELETE tag', ({ name }) => `/v2/${name}/manifests/none`],
];
const isWrite = (name: string) => /^(?:POST|PUT|DELETE)/.test(name);
const CALLERS = ['a caller of the origin', 'everybody', 'a user who pushes', 'a user who pulls'] as const;
type Caller = (typeof CALLERS)[number];

async function variablesFor(caller: Caller, { open, closed }: World) {
  if (caller === 'a caller of the origin') return { variables: {}, headers: { authorization: 'Basic YTpi' } };
  if (caller === 'everybody') return { variables: { CLIENT_AUTH: 'anonymous' }, headers: {} };
  const both = [open.name, closed.name];
  const writes = caller === 'a user who pushes' ? { push: both, delete: both } : {};
  const { variables, logins } = await usersWith({ user: { pull: both, ...writes } });
  return { variables, headers: logins.user };
}

async function send(edge: Edge, content: Content, request: (typeof REQUESTS)[number], headers: Record<string, string>) {
  const [name, pathOf, init] = request;
  const method = name.split(' ')[0] ?? 'GET';
  const accept = { accept: OCI_MANIFEST };
  const { status } = await edge.fetch(pathOf(content), {
    ...{ method, ...init },
    headers: { ...accept, ...(init?.headers as object), ...headers },
  });
  return status;
}

/** Returns what the last line about a request says of policies. */
function toldBy({ log }: Edge): Record<string, unknown> {
  const { denied, reported } = JSON.parse(log.findLast((line) => JSON.parse(line).message === 'request') ?? '{}');
  return { denied, reported };
}

describe.each(Object.keys(POLICIES) as PolicyName[])('%s', (policy) => {
  describe.each(CALLERS)('for %s', (caller) => {
    it.each([false, true])('lets one repository through and not the other one, warm: %s', async (isWarm) => {
      const world = { open: await contentOf(), closed: await contentOf() };
      const { variables, headers } = await variablesFor(caller, world);
      const free = createEdge(variables);
      const bound = createEdge({ ...variables, ...POLICIES[policy](world) });
      const reporting = createEdge({ ...variables, ...POLICIES[policy](world), POLICY_MODE: 'report' });
      const reads = REQUESTS.filter(([name]) => !isWrite(name));
      for (const request of isWarm ? [...reads, ...reads] : []) {
        for (const edge of [free, bound, reporting]) await send(edge, world.open, request, headers);
      }
      for (const request of REQUESTS) {
        const [name] = request;
        const asked = await world.closed.blob.asked();
        expect([name, await send(bound, world.closed, request, headers)]).toEqual([
          name,
          isRefused(caller, name) ?? 403,
        ]);
        expect([name, await world.closed.blob.asked()]).toEqual([name, asked]);
        if (!isRefused(caller, name)) expect([name, toldBy(bound).denied]).toEqual([name, policy]);
        for (const where of ['open', 'closed'] as const) {
          const status = await send(free, world[where], request, headers);
          expect([name, where, await send(reporting, world[where], request, headers)]).toEqual([name, where, status]);
          const isTold = where === 'closed' && !isRefused(caller, name);
          expect([name, where, toldBy(reporting).reported]).toEqual([name, where, isTold ? policy : undefined]);
        }
        expect([name, await send(bound, world.open, request, headers)]).toEqual([
          ...[name, await send(free, world.open, request, headers)],
        ]);
      }
    });
  });

  it('is in the body of the refusal, and closes the catalog', async () => {
    const world = { open: await contentOf(), closed: await contentOf() };
    const edge = createEdge(POLICIES[policy](world));
    const refused = await edge.fetch(world.closed.blob.path);
    expect(await refused.json()).toMatchObject({ errors: [{ code: 'DENIED', detail: { policy } }] });
    expect((await edge.fetch('/v2/_catalog')).status).toBe(403);
    expect((await edge.fetch('/v2/')).status).toBe(200);
  });

  it('refuses another registry by its name, and only tells that where it is reported', async () => {
    const world = { open: await contentOf(), closed: await contentOf() };
    const path = `${world.open.blob.path}?ns=other.test`;
    const refused = await createEdge(POLICIES[policy](world)).fetch(path);
    expect([refused.status, await refused.json()]).toEqual([
      ...[403, { errors: [expect.objectContaining({ detail: { policy } })] }],
    ]);
    const reporting = createEdge({ ...POLICIES[policy](world), POLICY_MODE: 'report' });
    expect([(await reporting.fetch(path)).status, toldBy(reporting).reported]).toEqual([200, policy]);
  });

  it('filters the catalog of a user', async () => {
    const world = { open: await contentOf(), closed: await contentOf() };
    const { variables, logins } = await usersWith({
      lister: { pull: [world.open.name, world.closed.name], catalog: true },
    });
    const edge = createEdge({ ...variables, ...POLICIES[policy](world) });
    const answer = await edge.fetch('/v2/_catalog', { headers: logins.lister });
    expect(await answer.json()).toEqual({ repositories: [world.open.name] });
    expect(toldBy(edge).denied).toBe(policy);
  });

  it('lets no blob be mounted from the repository', async () => {
    const world = { open: await contentOf(), closed: await contentOf() };
    const edge = createEdge(POLICIES[policy](world));
    const { blob } = world.closed;
    const path = `/v2/${world.open.name}/blobs/uploads/?mount=${blob.digest}&from=${blob.name}`;
    expect((await edge.fetch(path, { method: 'POST' })).status).toBe(202);
    const sent = (await rig.requests(`/v2/${world.open.name}/blobs/uploads/`)).map((request) => request.path);
    expect(sent.filter((sentPath) => sentPath.includes('mount'))).toEqual([]);
    expect(toldBy(edge).denied).toBe(policy);
  });

  it('closes paths that the specification does not know, which may be about any repository', async () => {
    const world = { open: await contentOf(), closed: await contentOf() };
    const edge = createEdge(POLICIES[policy](world));
    const { name } = world.closed;
    const paths = [
      `/v2/${name}/_extension/search`,
      `/v2/${name}/manifests`,
      '/v2/_zot/ext/search?query=x',
      '/v2/search',
    ];
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      for (const path of paths) {
        expect([path, (await edge.fetch(path, { method })).status]).toEqual([path, 403]);
        expect([path, toldBy(edge).denied]).toEqual([path, policy]);
      }
    }
    expect(await rig.requests(`/v2/${name}/_extension`)).toEqual([]);
  });

  it.each(['/v2/auth', '/v2/token'])('leaves open where registries hand out tokens: %s', async (path) => {
    const world = { open: await contentOf(), closed: await contentOf() };
    await rig.rule({ prefix: path, status: 200, body: '{"token":"x"}', times: 1 });
    expect((await createEdge(POLICIES[policy](world)).fetch(path)).status).toBe(200);
  });
});

/** Returns the status with which something else than the policy refuses a request. */
function isRefused(caller: Caller, name: string): number | undefined {
  return caller === 'a user who pulls' && isWrite(name) ? 403 : undefined;
}
