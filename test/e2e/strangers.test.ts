import type { IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { OCI } from './support/contents.ts';
import { type Edge, PATIENT, startEdge } from './support/edge.ts';
import { ask, HIT, pathsOf, warm } from './support/hits.ts';
import { basic, request } from './support/http.ts';
import { descriptorOf, type Image, json, makeBlob, makeImage } from './support/image.ts';
import { inParallel } from './support/inParallel.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Connection, connect, contentOf, expiriesOf, startRedis, writesTo } from './support/redis.ts';
import { type RegistryKind, startRegistry, USER, USER_CREDS, USER_HEADERS } from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/app';
/** A repository that does not exist. */
const EMPTY = 'team/empty';
const AT_ONCE = 10;
const SIZES = [300, 400];
/** By then the work after a reply is done, including a second try a second later. */
const SETTLE_MS = 1_500;

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

/** A HEAD, a GET and a DELETE of all content by digest and by tag, and PUTs of a manifest that names all of it. */
function questionsOf(name: string, digests: readonly string[], tags: readonly string[]): Question[] {
  const repository = `/v2/${name}`;
  const contents = digests.flatMap((digest) => ['blobs', 'manifests'].map((kind) => `${repository}/${kind}/${digest}`));
  const paths = [...contents, ...tags.map((tag) => `${repository}/manifests/${tag}`)];
  const reads = paths.flatMap((path) => ['HEAD', 'GET', 'DELETE'].map((method) => ({ method, path })));
  const [config, ...layers] = digests.map((digest) => ({ digest, bytes: Buffer.alloc(1_000) }));
  const { digest, bytes: body } = json({
    schemaVersion: 2,
    mediaType: OCI.manifest,
    config: config && descriptorOf(config, OCI.config),
    layers: layers.map((layer) => descriptorOf(layer, OCI.layer)),
  });
  const puts = [...tags, digest].map((reference) => ({
    method: 'PUT',
    path: `${repository}/manifests/${reference}`,
    body,
  }));
  return [...reads, ...puts];
}

for (const setup of SETUPS) {
  const { kind, guarded, clientAuth } = setup;
  const title = `${kind}${guarded ? ' with a login' : ''}, CLIENT_AUTH=${clientAuth}: many requests of strangers`;
  describeWith([kind, 'redis-server', 'skopeo'], title, () => strangers(setup));
}

function strangers({ kind, guarded, clientAuth }: Setup): void {
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
    const variables = { CLIENT_AUTH: clientAuth, ...PATIENT };
    edge = await startEdge({ origin: proxy.url, backend: 'redis', redis, variables });
    cached = await makeImage(`strangers, cached ${kind}`, SIZES);
    uncached = await makeImage(`strangers, uncached ${kind}`, SIZES);
    const creds = guarded ? USER_CREDS : undefined;
    await expectPush(cached, `${origin.host}/${NAME}:v1`, creds);
    await expectPush(uncached, `${origin.host}/${NAME}:v2`, creds);
    for (const tag of ['v1', 'v2']) await ask(`${edge.url}/v2/${NAME}/manifests/${tag}`, USER_HEADERS);
    await warm(edge, pathsOf(NAME, cached), USER_HEADERS);
    const manifest = `${edge.url}/v2/${NAME}/manifests/${cached.manifest.digest}`;
    expect((await request('GET', manifest, { headers: { accept: OCI.manifest, ...USER_HEADERS } })).status).toBe(200);
    await setTimeout(SETTLE_MS);
  });

  const allDigests = () => [...digestsOf(cached), ...digestsOf(uncached), ...ABSENT];
  const tags = ['v1', 'v2', 'none'];

  /** Everything in the store, and the count of each command that has written. */
  async function storeState() {
    const [keys, content, expiries] = [await client.dbSize(), await contentOf(client), await expiriesOf(client)];
    return { keys, content, expiries, writes: await writesTo(client) };
  }

  /** Asks every question as each of the strangers. @returns the statuses of the answers */
  async function statusesOf(questions: readonly Question[]): Promise<ReadonlySet<number>> {
    const requests = questions.flatMap((question) => STRANGERS.map((stranger) => ({ ...question, stranger })));
    const statuses = new Set<number>();
    await inParallel(requests, AT_ONCE, async ({ method, path, stranger, body }) => {
      const headers = { accept: OCI.manifest, ...(body && { 'content-type': OCI.manifest }), ...stranger };
      statuses.add((await request(method, edge.url + path, { headers, ...(body && { body }) })).status);
    });
    return statuses;
  }

  /** Asks the questions, and expects that they change nothing in the store. @returns the statuses of the answers */
  async function expectNoChange(questions: readonly Question[]): Promise<readonly number[]> {
    const before = await storeState();
    expect(Object.keys(before.writes)).not.toEqual([]);
    const requestsBefore = proxy.requests.length;

    const statuses = await statusesOf(questions);
    await setTimeout(SETTLE_MS);

    expect(proxy.requests.length).toBeGreaterThan(requestsBefore + questions.length);
    expect(await storeState()).toEqual(before);
    for (const path of pathsOf(NAME, cached))
      expect([path, await ask(edge.url + path, USER_HEADERS)]).toEqual([path, HIT]);
    return [...statuses];
  }

  if (guarded) {
    test('an origin that answers 401: the edge evicts nothing and writes nothing', async () => {
      const questions = [NAME, EMPTY].flatMap((name) => questionsOf(name, allDigests(), tags));
      expect(await expectNoChange(questions)).toEqual([401]);
    });

    test('an origin that answers 404 and calls all blobs unknown: the edge evicts nothing and writes nothing', async () => {
      const errors = allDigests().map((digest) => ({ code: 'MANIFEST_BLOB_UNKNOWN', message: '', detail: { digest } }));
      proxy.failWith(404, {}, { body: JSON.stringify({ errors }), fails: (asked) => !isOf(USER_HEADERS, asked) });
      const questions = [NAME, EMPTY].flatMap((name) => questionsOf(name, allDigests(), tags));
      // The check refuses a manifest whose blobs are all a 404 to its caller.
      expect((await expectNoChange(questions)).toSorted()).toEqual([400, 404]);
    });
  } else {
    // Without a login strangers may read the repository, so only absent content is a refusal to them.
    const questions = () => [...questionsOf(NAME, ABSENT, ['none']), ...questionsOf(EMPTY, allDigests(), tags)];
    const isPut = ({ method }: Question) => method === 'PUT';

    test('requests for absent content, and for content of another repository, evict nothing and write nothing', async () => {
      const statuses = await expectNoChange(questions().filter((question) => !isPut(question)));
      expect(statuses).toContain(404);
      expect(statuses.filter((status) => status < 400)).toEqual([]);
    });

    // A mirror accepts no manifests.
    if (clientAuth === 'origin') {
      test('manifests that name absent content, or content of another repository, evict nothing and write nothing', async () => {
        const statuses = await expectNoChange(questions().filter(isPut));
        expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([]);
      });
    }
  }
}

function digestsOf({ manifest, config, layers }: Image): string[] {
  return [manifest, config, ...layers].map(({ digest }) => digest);
}

/** Whether a request has these credentials. */
function isOf({ authorization }: { authorization: string }, { headers }: IncomingMessage): boolean {
  return headers.authorization === authorization;
}
