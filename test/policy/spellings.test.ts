import { describe, expect, inject, it } from 'vitest';
import { uniqueName } from '../support/digests.ts';
import { createEdge, type Edge } from '../support/edge.ts';
import { pushBlob, rig, sha256 } from '../support/push.ts';
import { manifestRequest, newManifest, OCI_MANIFEST, pushManifest, uniqueManifest } from '../support/pushManifest.ts';
import { openUpload, putOf, withDigest, withLength } from '../support/uploading.ts';

const ORIGIN_URL = inject('originUrl');
const MIRROR = { CLIENT_AUTH: 'anonymous' };

/** A repository `<namespace>/<short>` with a blob and a tag that is declared never to move. */
async function closedWorld() {
  const namespace = uniqueName();
  const short = uniqueName().replaceAll('/', '-');
  const name = `${namespace}/${short}`;
  const blob = await pushBlob(undefined, name);
  const manifest = await pushManifest({ name, tag: 'v1' });
  return { namespace, short, name, blob, manifest };
}
type World = Awaited<ReturnType<typeof closedWorld>>;

/** Ways to write a name, each with the variables of an edge that reads it. */
const SPELLINGS: readonly [
  how: string,
  variables: (world: World) => Record<string, string>,
  nameOf: (world: World) => string,
  search?: string,
][] = [
  ['as it is', () => ({}), ({ name }) => name],
  ['with escapes', () => ({}), ({ name }) => name.replace(/^./, (first) => `%${first.charCodeAt(0).toString(16)}`)],
  ['without its DEFAULT_NAMESPACE', ({ namespace }) => ({ DEFAULT_NAMESPACE: namespace }), ({ short }) => short],
  ['with its DEFAULT_NAMESPACE', ({ namespace }) => ({ DEFAULT_NAMESPACE: namespace }), ({ name }) => name],
  ['with ?ns= of its own', () => ({ MIRRORED_HOSTS: 'registry.test' }), ({ name }) => name, '?ns=registry.test'],
  ['with an escaped ?ns=', () => ({ MIRRORED_HOSTS: 'registry.test' }), ({ name }) => name, '?ns=registry%2Etest'],
  ['with ?ns= of another registry', () => ({}), ({ name }) => name, '?ns=other.test'],
  [
    'without its namespace, with ?ns= of another',
    ({ namespace }) => ({ DEFAULT_NAMESPACE: namespace }),
    ({ short }) => short,
    '?ns=other.test',
  ],
  ['with a query', () => ({}), ({ name }) => name, '?x=y'],
];

const REQUESTS: readonly [method: string, rest: (world: World) => string, headers?: Record<string, string>][] = [
  ['HEAD', ({ blob }) => `blobs/${blob.digest}`],
  ['GET', ({ blob }) => `blobs/${blob.digest}`],
  ['GET', ({ blob }) => `blobs/${blob.digest}`, { range: 'bytes=0-1' }],
  ['GET', ({ blob }) => `blobs/${blob.digest}`, { 'if-none-match': '*' }],
  ['GET', ({ blob }) => `blobs/sha1:${blob.digest.slice(7, 47)}`],
  ['HEAD', () => 'manifests/v1'],
  ['GET', () => 'manifests/v1'],
  ['GET', ({ manifest }) => `manifests/${manifest.digest}`, { 'if-none-match': '*' }],
  ['GET', ({ manifest }) => `manifests/${manifest.digest.replace(':', '-')}`],
  ['GET', () => 'manifests/v1', { origin: 'https://page.test' }],
  ['OPTIONS', () => 'manifests/v1'],
  ['GET', () => 'tags/list'],
  ['GET', ({ manifest }) => `referrers/${manifest.digest}`],
  ['GET', () => '_extension/search'],
];

/** Asks in every way. @returns what was not refused */
async function passingOf(edge: Edge, world: World, name: string, search = ''): Promise<string[]> {
  const passed: string[] = [];
  for (const [method, rest, headers] of REQUESTS) {
    const path = `/v2/${name}/${rest(world)}${search}`;
    const { status } = await edge.fetch(path, { method, headers: { accept: OCI_MANIFEST, ...headers } });
    if (status !== 403) passed.push(`${status} ${method} ${path}`);
  }
  return passed;
}

describe('a repository that is not served', () => {
  it.each(SPELLINGS)('is not served under its name %s', async (_how, variables, nameOf, search) => {
    const world = await closedWorld();
    const rules = [{ DENY_REPOSITORIES: world.name }, { ALLOW_REPOSITORIES: `another,**/another` }];
    for (const rule of rules) {
      for (const more of [{}, MIRROR]) {
        const edge = createEdge({ ...variables(world), ...rule, ...more });
        expect(await passingOf(edge, world, nameOf(world), search)).toEqual([]);
      }
    }
    expect(await world.blob.asked()).toBe(1); // the push of its manifest
  });

  it('is not served behind the prefix of an upstream either', async () => {
    const world = await closedWorld();
    const upstreams = {
      hub: { ORIGIN_URL, ...MIRROR, PREFIX: 'hub', DEFAULT_NAMESPACE: world.namespace, DENY_REPOSITORIES: world.name },
      other: { ORIGIN_URL, ...MIRROR, PREFIX: 'hub/open' },
    };
    const edge = createEdge({ ORIGIN_URL: '', UPSTREAMS: JSON.stringify(upstreams) });
    for (const name of [world.name, world.short]) {
      expect(await passingOf(edge, world, `hub/${name}`)).toEqual([]);
    }
    // A policy is one of its own upstream.
    const open = await edge.fetch(`/v2/hub/open/${world.name}/manifests/v1`, manifestRequest('GET'));
    expect(await open.text()).toBe(world.manifest.bytes);
  });

  it('takes no part of an upload that began before it was closed', async () => {
    const { blob } = await closedWorld();
    const session = await openUpload(createEdge(), blob);
    const edge = createEdge({ DENY_REPOSITORIES: blob.name });
    for (const [method, path] of [
      ...[['PATCH', session] as const, ['PUT', withDigest(session, blob)] as const],
      ...[['GET', session] as const, ['DELETE', session] as const],
    ]) {
      const init = method === 'PATCH' || method === 'PUT' ? withLength(blob.bytes) : {};
      expect([method, (await edge.fetch(path, { method, ...init })).status]).toEqual([method, 403]);
    }
  });

  it.each(['&from=%s', '&from=open&from=%s', ';from=%s', '&x=1;from=%s', '&%66rom=%s', '', '&from='])(
    'is no source of a mount: ?mount=…%s',
    async (more) => {
      const [world, open] = [await closedWorld(), await pushBlob()];
      const edge = createEdge({ DENY_REPOSITORIES: world.name });
      const query = `?mount=${world.blob.digest}${more.replace('%s', encodeURIComponent(world.name))}`;
      const answer = await edge.fetch(`/v2/${open.name}/blobs/uploads/${query}`, { method: 'POST' });
      expect(answer.status).toBe(202);
      const [sent] = (await rig.requests(`/v2/${open.name}/blobs/uploads/`)).slice(-1);
      expect(sent?.path).toBe(`/v2/${open.name}/blobs/uploads/`);
      expect(edge.log.join()).toContain('"denied":"DENY_REPOSITORIES"');
    },
  );
});

describe('a tag of IMMUTABLE_TAGS', () => {
  it.each(SPELLINGS)('moves by no push in its repository %s', async (_how, variables, nameOf, search = '') => {
    const world = await closedWorld();
    const moved = await newManifest({ name: world.name });
    const edge = createEdge({ ...variables(world), IMMUTABLE_TAGS: `${world.name}:v*` });
    for (const path of ['manifests/v1', 'manifests/%761', `manifests/${moved.digest}?tag=v1`]) {
      const joined = search.replace('?', path.includes('?') ? '&' : '?');
      await edge.fetch(`/v2/${nameOf(world)}/${path}${joined}`, putOf(moved));
      await edge.fetch(`/v2/${nameOf(world)}/${path}${joined}`, { method: 'DELETE' });
    }
    const atOrigin = await fetch(ORIGIN_URL + world.manifest.tagPath, manifestRequest('GET'));
    expect(await atOrigin.text()).toBe(world.manifest.bytes);
  });

  it('may be one under which referrers are kept, unless it is excluded', async () => {
    const { manifest, name } = await closedWorld();
    const tag = manifest.digest.replace(':', '-');
    const [list, longer] = [uniqueManifest(), uniqueManifest()];
    await pushManifest({ name, tag, bytes: list });
    const next = { bytes: longer, mediaType: OCI_MANIFEST, digest: await sha256(longer) };
    const statusWith = async (IMMUTABLE_TAGS: string) =>
      (await createEdge({ IMMUTABLE_TAGS }).fetch(`/v2/${name}/manifests/${tag}`, putOf(next))).status;
    expect([await statusWith('*'), await statusWith('*,!sha256-*')]).toEqual([403, 201]);
  });
});
