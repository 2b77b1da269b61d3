import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { ACCEPTS } from './support/accepts.ts';
import { CLIENTS } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import { type Content, image, index, publish } from './support/contents.ts';
import { type Edge, PATIENT } from './support/edge.ts';
import { head, request } from './support/http.ts';
import type { CountingProxy } from './support/proxy.ts';
import { describeSetups, type Setup, startChain } from './support/setups.ts';

const NAME = 'team/app';
const TAG_TTL_MS = 3_000;
const INDEX = index('index');

/** Each registry and each store, but not every combination. */
const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'durable', clientAuth: 'anonymous' },
  { kind: 'docker-registry', backend: 'inmemory', clientAuth: 'anonymous' },
];

interface Case {
  readonly name: string;
  readonly what: string;
  readonly content: Content;
  /** A tag of its own: clients that accept the same media types would warm the cache for each other. */
  readonly tag: string;
  pull(edge: Edge, tag: string): Promise<void>;
}

const PULLED: readonly { what: string; content: Content; platform?: string }[] = [
  { what: 'an image', content: image('image') },
  { what: 'one platform of an index', content: INDEX, platform: 'linux/arm64' },
];
const WITH_CLIENTS = CLIENTS.flatMap((client) =>
  PULLED.map(({ what, content, platform }): Omit<Case, 'tag'> => {
    async function pull({ host }: Edge, tag: string): Promise<void> {
      expect(await client.pull(`${host}/${NAME}:${tag}`, platform)).toMatchObject(SUCCESS);
    }
    return { name: client.name, what, content, pull };
  }),
);
/** Like containerd, sends a HEAD of the tag and a GET of its digest; docker does the same with another Accept. */
const WITH_REQUESTS = [
  ['containerd', 'containerd, resolving', 'containerd, fetching'],
  ['docker', 'docker', 'docker, in another order'],
].map(([name = '', resolving, fetching]): Omit<Case, 'tag'> => {
  const acceptOf = (client: string | undefined) =>
    ACCEPTS.find((set) => set.client === client)?.accept(INDEX.mediaType) ?? [];
  async function pull({ url }: Edge, tag: string): Promise<void> {
    const manifests = `${url}/v2/${NAME}/manifests/`;
    const { headers } = await request('HEAD', manifests + tag, { headers: { accept: acceptOf(resolving) } });
    const digest = headers['docker-content-digest'];
    expect(digest).toBe(INDEX.manifest.digest);
    const { body } = await request('GET', manifests + digest, { headers: { accept: acceptOf(fetching) } });
    expect(body.equals(INDEX.manifest.bytes)).toBe(true);
  }
  return { name, what: 'the manifest of an index, by the requests of the client', content: INDEX, pull };
});
const CASES = [...WITH_CLIENTS, ...WITH_REQUESTS].map((each, position): Case => ({ ...each, tag: `tag-${position}` }));

function tagTtl({ kind, backend, clientAuth }: Setup): void {
  let proxy: CountingProxy;
  let edge: Edge;
  const pulledAt = new Map<Case, number>();
  beforeAll(async () => {
    const variables = { CLIENT_AUTH: clientAuth, TAG_TTL: `${TAG_TTL_MS}ms`, ...PATIENT };
    const chain = await startChain({ backend, variables }, { kind });
    ({ proxy, edge } = chain);
    for (const { content, tag } of CASES) await publish(chain.origin.url, NAME, content, tag);
  });

  /** Pulls. @returns the requests that reach the origin, without the GETs of blobs */
  async function originRequests({ pull, tag }: Case): Promise<string[]> {
    const before = proxy.requests.length;
    await pull(edge, tag);
    return proxy.requests.slice(before).filter((sent) => !/^GET \/v2\/team\/app\/blobs\/sha256:\w+$/.test(sent));
  }
  /** Pulls, unless the case was pulled before. @returns the requests that reach the origin */
  async function pullFirst(pull: Case): Promise<string[] | undefined> {
    if (pulledAt.has(pull)) return undefined;
    const requests = await originRequests(pull);
    pulledAt.set(pull, Date.now());
    return requests;
  }

  test.for(CASES)('$name, $what, again within TAG_TTL: nothing but GETs of blobs', async (pull) => {
    const first = await pullFirst(pull);
    expect(first?.filter((sent) => sent.endsWith(`/manifests/${pull.tag}`))).toHaveLength(1);
    expect(await originRequests(pull)).toEqual([]);
  });

  test.for(CASES)('$name, $what, after TAG_TTL: one HEAD of the tag, and GETs of blobs', async (pull) => {
    await pullFirst(pull);
    await setTimeout(Math.max(0, (pulledAt.get(pull) ?? 0) + TAG_TTL_MS - Date.now()));
    expect(await originRequests(pull)).toEqual([`HEAD /v2/${NAME}/manifests/${pull.tag}`]);
  });

  test('GET /v2/: the edge answers, and the origin receives nothing', async () => {
    const before = proxy.requests.length;
    expect((await head(`${edge.url}/v2/`)).status).toBe(200);
    expect((await request('GET', `${edge.url}/v2/`)).status).toBe(200);
    expect(proxy.requests.slice(before)).toEqual([]);
  });
}

describeSetups(['crane', 'oras', 'regctl', 'skopeo'], 'the origin requests of a pull by tag', tagTtl, SETUPS);
