import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { ACCEPTS } from './support/accepts.ts';
import { CLIENTS } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import { type Content, image, index, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { startRegistry } from './support/registry.ts';
import { describeSetups, type Setup } from './support/setups.ts';

const NAME = 'team/app';
const TAG_TTL_MS = 3_000;
const INDEX = index('index');

/** Each registry and each store, but not each with each. */
const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'docker-registry', backend: 'inmemory', clientAuth: 'anonymous' },
];

interface Case {
  readonly name: string;
  readonly what: string;
  readonly content: Content;
  /** One for each case: clients that take the same media types would answer for each other. */
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
/** containerd asks by HEAD where the tag points to and by GET for that digest; so does docker, with other words. */
const WITH_REQUESTS = [
  ['containerd', 'containerd, resolving', 'containerd, fetching'],
  ['docker', 'docker', 'docker, in another order'],
].map(([name = '', resolving, fetching]): Omit<Case, 'tag'> => {
  const acceptOf = (client: string | undefined) =>
    ACCEPTS.find((set) => set.client === client)?.accept(INDEX.mediaType) ?? [];
  async function pull({ url }: Edge, tag: string): Promise<void> {
    const at = `${url}/v2/${NAME}/manifests/`;
    const { headers } = await request('HEAD', at + tag, { headers: { accept: acceptOf(resolving) } });
    const told = headers['docker-content-digest'];
    expect(told).toBe(INDEX.manifest.digest);
    const { body } = await request('GET', at + told, { headers: { accept: acceptOf(fetching) } });
    expect(body.equals(INDEX.manifest.bytes)).toBe(true);
  }
  return { name, what: 'the manifest of an index, requests as of the client', content: INDEX, pull };
});
const CASES = [...WITH_CLIENTS, ...WITH_REQUESTS].map((one, position): Case => ({ ...one, tag: `tag-${position}` }));

function body(setup: Setup): void {
  let proxy: CountingProxy;
  let edge: Edge;
  const pulledAt = new Map<Case, number>();
  beforeAll(async () => {
    const origin = await startRegistry({ kind: setup.kind });
    proxy = await startCountingProxy(origin.url);
    // A busy machine's store may need more than the 250 ms after which the origin is asked as well.
    const variables = { CLIENT_AUTH: setup.clientAuth, TAG_TTL: `${TAG_TTL_MS}ms`, CACHE_TIMEOUT: '1s' };
    edge = await startEdge({ origin: proxy.url, backend: setup.backend, variables });
    for (const { content, tag } of CASES) await publish(origin.url, NAME, content, tag);
  });

  /** @returns what a pull asked the origin for, beside the bytes of blobs */
  async function askedBy({ pull, tag }: Case): Promise<string[]> {
    const before = proxy.requests.length;
    await pull(edge, tag);
    return proxy.requests.slice(before).filter((asked) => !/^GET \/v2\/team\/app\/blobs\/sha256:\w+$/.test(asked));
  }
  /** The first pull, once for each case. @returns what it asked for */
  async function pullFirst(one: Case): Promise<string[] | undefined> {
    if (pulledAt.has(one)) return undefined;
    const asked = await askedBy(one);
    pulledAt.set(one, Date.now());
    return asked;
  }

  test.for(CASES)('$name, $what, again within TAG_TTL: nothing but blob bytes', async (one) => {
    const first = await pullFirst(one);
    expect(first?.filter((asked) => asked.endsWith(`/manifests/${one.tag}`))).toHaveLength(1);
    expect(await askedBy(one)).toEqual([]);
  });

  test.for(CASES)('$name, $what, after TAG_TTL: one HEAD of the tag beside blob bytes', async (one) => {
    await pullFirst(one);
    await setTimeout(Math.max(0, (pulledAt.get(one) ?? 0) + TAG_TTL_MS - Date.now()));
    expect(await askedBy(one)).toEqual([`HEAD /v2/${NAME}/manifests/${one.tag}`]);
  });

  test('GET /v2/: the edge answers, and the origin hears nothing', async () => {
    const before = proxy.requests.length;
    expect((await head(`${edge.url}/v2/`)).status).toBe(200);
    expect((await request('GET', `${edge.url}/v2/`)).status).toBe(200);
    expect(proxy.requests.slice(before)).toEqual([]);
  });
}

describeSetups(['crane', 'oras', 'regctl', 'skopeo'], 'what a pull by tag asks of the origin', body, SETUPS);
