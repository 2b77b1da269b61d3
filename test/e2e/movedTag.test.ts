import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { ACCEPTS } from './support/accepts.ts';
import { CLIENTS, crane } from './support/clients.ts';
import { type Outcome, runClient, SUCCESS } from './support/command.ts';
import { type Content, image, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeSetups, type Setup } from './support/setups.ts';
import { skopeo } from './support/skopeo.ts';
import { pulledTree } from './support/tree.ts';

const NAME = 'team/app';
const TAG_TTL_MS = 3_000;
const A = image('A');
const B = image('B');

/** Somebody who asks where a tag points to. */
interface Asker {
  readonly name: string;
  /** @returns the digest of the manifest that it gets */
  ask(registry: { readonly url: string; readonly host: string }, tag: string): Promise<string | undefined>;
}

const PULLS = CLIENTS.map(({ name, pull }): Asker => {
  async function ask({ host }: { host: string }, tag: string): Promise<string | undefined> {
    const pulled = await pull(`${host}/${NAME}:${tag}`);
    expect(pulled).toMatchObject(SUCCESS);
    const hashes = Object.values(await pulledTree(pulled.folder)).map((hash) => `sha256:${hash}`);
    return [A, B].map(({ manifest }) => manifest.digest).find((digest) => hashes.includes(digest));
  }
  return { name: `${name}, a pull`, ask };
});
/** What docker and containerd begin a pull with. */
const HEADS = ['docker', 'containerd, resolving'].map((client): Asker => {
  const accept = ACCEPTS.find((set) => set.client === client)?.accept(A.mediaType) ?? [];
  async function ask({ url }: { url: string }, tag: string): Promise<string | undefined> {
    const { headers } = await request('HEAD', `${url}/v2/${NAME}/manifests/${tag}`, { headers: { accept } });
    return headers['docker-content-digest'];
  }
  return { name: `${client}, a HEAD`, ask };
});
/** Each with a tag of its own. */
const ASKERS = [...PULLS, ...HEADS].map((asker, position) => ({ ...asker, tag: `tag-${position}` }));

const PULL_ONLY: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'kv', clientAuth: 'anonymous' },
];
const MAY_PUSH: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
];
const TOOLS = ['crane', 'oras', 'regctl', 'skopeo'] as const;

interface Pair {
  readonly origin: Registry;
  readonly edge: Edge;
}

async function start({ kind, backend, clientAuth }: Setup): Promise<Pair> {
  const origin = await startRegistry({ kind });
  const variables = { CLIENT_AUTH: clientAuth, TAG_TTL: `${TAG_TTL_MS}ms` };
  const edge = await startEdge({ origin: origin.url, backend, variables });
  for (const content of [A, B]) await publish(origin.url, NAME, content, tagOf(content));
  return { origin, edge };
}

function tagOf(content: Content): string {
  return content === A ? 'a' : 'b';
}

/** Points a tag to what the registry has. */
async function point({ url }: Registry, tag: string, { manifest, mediaType }: Content): Promise<void> {
  const headers = { 'content-type': mediaType, 'content-length': String(manifest.bytes.length) };
  const sent = { headers, body: manifest.bytes };
  expect((await request('PUT', `${url}/v2/${NAME}/manifests/${tag}`, sent)).status).toBe(201);
}

function pullOnly(setup: Setup): void {
  let pair: Pair;
  const movedAt = new Map<string, number>();
  beforeAll(async () => {
    pair = await start(setup);
  });

  test.for(ASKERS)('$name, within TAG_TTL of the move: what it was, each time', async ({ ask, tag }) => {
    const { origin, edge } = pair;
    await point(origin, tag, A);
    expect(await ask(edge, tag)).toBe(A.manifest.digest);
    await point(origin, tag, B);
    movedAt.set(tag, Date.now());
    for (const _ of ['once', 'twice']) expect(await ask(edge, tag)).toBe(A.manifest.digest);
    expect(await digestOf(origin.url, tag)).toBe(B.manifest.digest);
  });

  test.for(ASKERS)('$name, TAG_TTL after the move: what it is, each time', async ({ ask, tag }) => {
    await setTimeout(Math.max(0, (movedAt.get(tag) ?? Number.NaN) + TAG_TTL_MS - Date.now()));
    for (const _ of ['once', 'twice']) expect(await ask(pair.edge, tag)).toBe(B.manifest.digest);
  });
}

/** Ways to put what a tag of the origin names under another tag, through the edge. */
const PUSHES: readonly { what: string; push(from: string, to: string): Promise<Outcome> }[] = [
  { what: 'crane copy', push: (from, to) => runClient('crane', ['copy', '--insecure', from, to]) },
  {
    what: 'crane push',
    async push(from, to) {
      const { folder } = await crane.pull(from);
      return runClient('crane', ['push', '--insecure', folder, to]);
    },
  },
  { what: 'oras cp', push: (from, to) => runClient('oras', ['cp', '--from-plain-http', '--to-plain-http', from, to]) },
  {
    what: 'regctl image copy',
    push(from, to) {
      const hosts = [from, to].flatMap((reference) => ['--host', `reg=${reference.split('/')[0]},tls=disabled`]);
      return runClient('regctl', [...hosts, 'image', 'copy', from, to]);
    },
  },
  {
    what: 'skopeo copy',
    push(from, to) {
      const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
      return skopeo('copy', ...plain, `docker://${from}`, `docker://${to}`);
    },
  },
];
/** Ways to delete what a tag names, which ask for its digest first. */
const DELETES: readonly { what: string; remove(reference: string): Promise<Outcome> }[] = [
  { what: 'skopeo delete', remove: (reference) => skopeo('delete', '--tls-verify=false', `docker://${reference}`) },
  {
    what: 'oras manifest delete',
    remove: (reference) => runClient('oras', ['manifest', 'delete', '--plain-http', '--force', reference]),
  },
];

function mayPush(setup: Setup): void {
  let pair: Pair;
  beforeAll(async () => {
    pair = await start(setup);
  });

  test.for(ASKERS)('$name: what it is, at once', async ({ ask, tag }) => {
    const { origin, edge } = pair;
    for (const content of [A, B, A]) {
      await point(origin, tag, content);
      expect(await ask(edge, tag)).toBe(content.manifest.digest);
    }
  });

  test.for(PUSHES)('$what of A to a tag that was moved from A to B: the origin ends on A', async ({ what, push }) => {
    const { origin, edge } = pair;
    const tag = what.replaceAll(' ', '-');
    // The first one finds A, which the edge must not remember.
    for (const content of [A, B]) {
      await point(origin, tag, content);
      expect(await push(`${origin.host}/${NAME}:a`, `${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);
    }
    for (const registry of [origin, edge]) expect(await digestOf(registry.url, tag)).toBe(A.manifest.digest);
  });

  test.for(DELETES)('$what of a tag that was moved: what it was is left', async ({ what, remove }) => {
    const { origin, edge } = pair;
    const was = image(`${what}: was`);
    const is = image(`${what}: is`);
    const tag = what.replaceAll(' ', '-');
    for (const name of [tag, 'other']) await publish(origin.url, NAME, was, name);
    for (const { pull } of CLIENTS) expect(await pull(`${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);

    await publish(origin.url, NAME, is, tag);
    expect(await remove(`${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);
    for (const { url } of [origin, edge]) {
      expect(await digestOf(url, 'other')).toBe(was.manifest.digest);
      expect((await head(`${url}/v2/${NAME}/manifests/${was.manifest.digest}`, ACCEPT)).status).toBe(200);
      expect((await head(`${url}/v2/${NAME}/manifests/${is.manifest.digest}`, ACCEPT)).status).toBe(404);
    }
  });
}

const ACCEPT = { accept: A.mediaType };

/** @returns where a tag points to */
async function digestOf(url: string, tag: string): Promise<string | undefined> {
  return (await head(`${url}/v2/${NAME}/manifests/${tag}`, ACCEPT)).headers['docker-content-digest'];
}

describeSetups(TOOLS, 'a tag is moved at the origin, seen by callers that only pull', pullOnly, PULL_ONLY);
describeSetups(TOOLS, 'a tag is moved at the origin, seen by callers that may push', mayPush, MAY_PUSH);
