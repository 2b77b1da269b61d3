import type { IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { OCI } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { ask, HIT, pathsOf, warm } from './support/hits.ts';
import { basic, request } from './support/http.ts';
import { descriptorOf, type Image, json, makeBlob, makeImage } from './support/image.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Connection, connect, contentOf, expiriesOf, startRedis, writesTo } from './support/redis.ts';
import { type RegistryKind, startRegistry, USER } from './support/registry.ts';
import { push, SUCCESS } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/app';
/** Where nobody has anything. */
const EMPTY = 'team/empty';
const AT_ONCE = 10;
const SIZES = [300, 400];
/** What is done after a reply, and a second try a second later, is over by then. */
const AFTERWARDS_MS = 1_500;

interface Setup {
  readonly kind: RegistryKind;
  readonly guarded: boolean;
  readonly clientAuth: 'origin' | 'anonymous';
}

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', guarded: true, clientAuth: 'origin' },
  { kind: 'registry', guarded: false, clientAuth: 'origin' },
  { kind: 'docker-registry', guarded: false, clientAuth: 'anonymous' },
];
const ABSENT = Array.from({ length: 2 }, (_, position) => makeBlob(`absent ${position}`, 100).digest);
const CLIENT = basic(USER.name, USER.password);
const STRANGERS: readonly Readonly<Record<string, string>>[] = [
  {},
  basic(USER.name, 'wrong'),
  { authorization: 'Bearer AAAA' },
];

interface Question {
  readonly method: string;
  readonly path: string;
  readonly body?: Buffer;
}

/** Everything that can be asked of content, and a manifest that names it all. */
function questions(name: string, digests: readonly string[], tags: readonly string[]): Question[] {
  const at = `/v2/${name}`;
  const contents = digests.flatMap((digest) => [`${at}/blobs/${digest}`, `${at}/manifests/${digest}`]);
  const paths = [...contents, ...tags.map((tag) => `${at}/manifests/${tag}`)];
  const asked = paths.flatMap((path) => ['HEAD', 'GET', 'DELETE'].map((method) => ({ method, path })));
  const [config, ...layers] = digests.map((digest) => ({ digest, bytes: Buffer.alloc(1_000) }));
  const { digest, bytes: body } = json({
    schemaVersion: 2,
    mediaType: OCI.manifest,
    config: config && descriptorOf(config, OCI.config),
    layers: layers.map((layer) => descriptorOf(layer, OCI.layer)),
  });
  const puts = [...tags, digest].map((reference) => ({ method: 'PUT', path: `${at}/manifests/${reference}`, body }));
  return [...asked, ...puts];
}

for (const setup of SETUPS) {
  const { kind, guarded, clientAuth } = setup;
  const title = `${kind}${guarded ? ' with a login' : ''}, CLIENT_AUTH=${clientAuth}: a flood of strangers' questions`;
  describeWith([kind, 'redis-server', 'skopeo'], title, () => flood(setup));
}

function flood({ kind, guarded, clientAuth }: Setup): void {
  let proxy: CountingProxy;
  let edge: Edge;
  let client: Connection;
  let cached: Image;
  let uncached: Image;
  beforeAll(async () => {
    const redis = await startRedis();
    client = await connect(redis);
    const origin = await startRegistry({ kind, guarded });
    proxy = await startCountingProxy(origin.url);
    // A busy machine's store may need more than the 250 ms after which the origin is asked as well.
    const variables = { CLIENT_AUTH: clientAuth, CACHE_TIMEOUT: '1s' };
    edge = await startEdge({ origin: proxy.url, backend: 'redis', redis, variables });
    cached = await makeImage(`strangers, cached ${kind}`, SIZES);
    uncached = await makeImage(`strangers, uncached ${kind}`, SIZES);
    const creds = guarded ? `${USER.name}:${USER.password}` : undefined;
    expect(await push(cached.source, `${origin.host}/${NAME}:v1`, creds)).toMatchObject(SUCCESS);
    expect(await push(uncached.source, `${origin.host}/${NAME}:v2`, creds)).toMatchObject(SUCCESS);
    for (const tag of ['v1', 'v2']) await ask(`${edge.url}/v2/${NAME}/manifests/${tag}`, CLIENT);
    await warm(edge, pathsOf(NAME, cached), CLIENT);
    const manifest = `${edge.url}/v2/${NAME}/manifests/${cached.manifest.digest}`;
    expect((await request('GET', manifest, { headers: { accept: OCI.manifest, ...CLIENT } })).status).toBe(200);
    await setTimeout(AFTERWARDS_MS);
  });

  const everything = () => [...digestsOf(cached), ...digestsOf(uncached), ...ABSENT];
  const tags = ['v1', 'v2', 'none'];

  /** All that stands in the store, and what was ever written. */
  async function stored() {
    const [keys, content, expiries] = [await client.dbSize(), await contentOf(client), await expiriesOf(client)];
    return { keys, content, expiries, writes: await writesTo(client) };
  }

  /** @returns the statuses of the answers to all strangers */
  async function statusesOf(asked: readonly Question[]): Promise<ReadonlySet<number>> {
    const left = asked.flatMap((question) => STRANGERS.map((stranger) => ({ ...question, stranger })));
    const statuses = new Set<number>();
    async function worker(): Promise<void> {
      for (let next = left.pop(); next; next = left.pop()) {
        const { method, path, stranger, body } = next;
        const headers = { accept: OCI.manifest, ...(body && { 'content-type': OCI.manifest }), ...stranger };
        statuses.add((await request(method, edge.url + path, { headers, ...(body && { body }) })).status);
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return statuses;
  }

  /** @returns the statuses */
  async function changesNothing(asked: readonly Question[]): Promise<readonly number[]> {
    const before = await stored();
    expect(Object.keys(before.writes)).not.toEqual([]);
    const heard = proxy.requests.length;

    const statuses = await statusesOf(asked);
    await setTimeout(AFTERWARDS_MS);

    expect(proxy.requests.length).toBeGreaterThan(heard + asked.length);
    expect(await stored()).toEqual(before);
    for (const path of pathsOf(NAME, cached)) expect([path, await ask(edge.url + path, CLIENT)]).toEqual([path, HIT]);
    return [...statuses];
  }

  if (guarded) {
    test('the origin refuses them: nothing is evicted, nothing is written', async () => {
      const asked = [NAME, EMPTY].flatMap((name) => questions(name, everything(), tags));
      expect(await changesNothing(asked)).toEqual([401]);
    });

    test('the origin hides what it has, and says of all that it is unknown: the same', async () => {
      const errors = everything().map((digest) => ({ code: 'MANIFEST_BLOB_UNKNOWN', message: '', detail: { digest } }));
      proxy.failWith(404, {}, { body: JSON.stringify({ errors }), fails: (asked) => !isOf(CLIENT, asked) });
      const asked = [NAME, EMPTY].flatMap((name) => questions(name, everything(), tags));
      expect(await changesNothing(asked)).toEqual([404]);
    });
  } else {
    // What they may read here they may read: only what is not there, or elsewhere, is refused to them.
    const asked = () => [...questions(NAME, ABSENT, ['none']), ...questions(EMPTY, everything(), tags)];
    const isPut = ({ method }: Question) => method === 'PUT';

    test('about what is not there, and what other repositories have: nothing is evicted, nothing is written', async () => {
      const statuses = await changesNothing(asked().filter((question) => !isPut(question)));
      expect(statuses).toContain(404);
      expect(statuses.filter((status) => status < 400)).toEqual([]);
    });

    // A mirror takes none.
    if (clientAuth === 'origin') {
      test('manifests that name what is not there, and what other repositories have: the same', async () => {
        const statuses = await changesNothing(asked().filter(isPut));
        expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([]);
      });
    }
  }
}

function digestsOf({ manifest, config, layers }: Image): string[] {
  return [manifest, config, ...layers].map(({ digest }) => digest);
}

function isOf({ authorization }: { authorization: string }, { headers }: IncomingMessage): boolean {
  return headers.authorization === authorization;
}
