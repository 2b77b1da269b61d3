import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLIENTS } from './support/clients.ts';
import { type Outcome, runClient, SUCCESS } from './support/command.ts';
import { type Content, image, index, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, request } from './support/http.ts';
import type { Blob } from './support/image.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeSetups, type Setup } from './support/setups.ts';
import { skopeo } from './support/skopeo.ts';
import { type BackendKind, describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const NAME = 'team/app';
const IMAGE = image('image');
const INDEX = index('index');
const LAYER = IMAGE.blobs[1] as Blob;
const CONTENTS = [
  { what: 'an image', tag: 'image', content: IMAGE },
  { what: 'an index', tag: 'index', content: INDEX },
] as const;
/** The only ones in which an answer from the cache may differ from the origin's. */
const OF_THE_MOMENT = new Set(['date', 'cache-status', 'server-timing']);

/** Ways to ask for a manifest alone: one that prints it, byte for byte, and one that prints its digest. */
const RESOLVERS: readonly {
  readonly name: string;
  manifest(reference: string): Promise<Outcome>;
  digest?(reference: string): Promise<Outcome>;
}[] = [
  {
    name: 'crane',
    manifest: (reference) => runClient('crane', ['manifest', '--insecure', reference]),
    digest: (reference) => runClient('crane', ['digest', '--insecure', reference]),
  },
  {
    name: 'oras',
    manifest: (reference) => runClient('oras', ['manifest', 'fetch', '--plain-http', reference]),
    digest: (reference) => runClient('oras', ['resolve', '--plain-http', reference]),
  },
  {
    name: 'regctl',
    manifest: (reference) => regctl(reference, 'manifest', 'get', '--format=raw-body', reference),
    digest: (reference) => regctl(reference, 'manifest', 'head', reference),
  },
  {
    name: 'skopeo',
    manifest: (reference) => skopeo('inspect', '--raw', '--tls-verify=false', `docker://${reference}`),
  },
];

function regctl(reference: string, ...args: string[]): Promise<Outcome> {
  return runClient('regctl', ['--host', `reg=${reference.split('/')[0]},tls=disabled`, ...args]);
}

/** HEAD and GET, by tag and by digest. */
const QUESTIONS: readonly Question[] = CONTENTS.flatMap(({ what, tag, content }) =>
  [tag, content.manifest.digest].flatMap((reference) =>
    ['HEAD', 'GET'].map((method) => {
      const title = `${method} of ${what} by ${reference === tag ? 'tag' : 'digest'}`;
      return { title, method, path: `/v2/${NAME}/manifests/${reference}`, content };
    }),
  ),
);
interface Question {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly content: Content;
}

function ask({ url }: { readonly url: string }, { method, path, content }: Question): Promise<Answer> {
  return request(method, url + path, { headers: { accept: content.mediaType } });
}

function lasting({ headers }: Answer): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_MOMENT.has(name)));
}

/** @param mark what its `Cache-Status` has to be */
function expectManifest(answer: Answer, { method, content }: Question, mark: string): void {
  const { manifest, mediaType } = content;
  const { status, headers, body } = answer;
  expect([status, headers['cache-status']]).toEqual([200, mark]);
  expect(headers).toMatchObject({
    'content-length': String(manifest.bytes.length),
    'content-type': mediaType,
    'docker-content-digest': manifest.digest,
  });
  expect(body.equals(method === 'HEAD' ? Buffer.alloc(0) : manifest.bytes)).toBe(true);
}

/** An error as the specification wants it. @param code where it is the edge's own; the origin may have any */
function expectFailure({ status, headers, body }: Answer, method: string, expected: number, code?: string): void {
  expect([status, headers['content-type']]).toEqual([expected, 'application/json']);
  const error = { code: code ?? expect.stringMatching(/^[A-Z]+$/), message: expect.any(String) };
  if (method === 'HEAD') expect(body.length).toBe(0);
  else expect(JSON.parse(body.toString())).toEqual({ errors: [error] });
}

async function publishAll({ url }: Registry): Promise<void> {
  for (const { content, tag } of CONTENTS) await publish(url, NAME, content, tag);
}

function stopped({ kind, backend, clientAuth }: Setup): void {
  let origin: Registry;
  let edge: Edge;
  let pulls: Promise<Outcome[]>;
  const fresh = new Map<Question, Answer>();
  beforeAll(async () => {
    origin = await startRegistry({ kind });
    await publishAll(origin);
    const variables = { CLIENT_AUTH: clientAuth, TAG_TTL: '1s', DESCRIPTOR_TTL: '1s' };
    edge = await startEdge({ origin: origin.url, backend, variables });
    for (const { tag } of CONTENTS) {
      for (const { pull } of CLIENTS) expect(await pull(`${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);
    }
    for (const question of QUESTIONS) fresh.set(question, await ask(edge, question));
    await origin.stop();
    // Some try again for seconds.
    pulls = Promise.all(CLIENTS.map(({ pull }) => pull(`${edge.host}/${NAME}:image`)));
  });

  const resolutions = RESOLVERS.flatMap((resolver) => CONTENTS.map((one) => ({ ...one, ...resolver })));
  async function expectResolution({ tag, content, manifest, digest }: (typeof resolutions)[number]): Promise<void> {
    for (const reference of [`${edge.host}/${NAME}:${tag}`, `${edge.host}/${NAME}@${content.manifest.digest}`]) {
      expect(await manifest(reference)).toEqual({ code: 0, output: content.manifest.bytes.toString() });
    }
    const told = await digest?.(`${edge.host}/${NAME}:${tag}`);
    if (told) expect(told).toEqual({ code: 0, output: expect.stringContaining(content.manifest.digest) });
  }
  test.for(resolutions)('$name, $what that was pulled once: resolves, and the manifest arrives', expectResolution);

  test.for(QUESTIONS)('$title after TAG_TTL: the last good answer, marked', async (question) => {
    const answer = await askPastHits({ edge }, question);
    expectManifest(answer, question, 'registry-edge; fwd=stale; detail=unreachable');
    expect(lasting(answer)).toEqual(lasting(fresh.get(question) as Answer));
  });

  test.for(resolutions)('$name, $what after TAG_TTL: resolves, and the manifest arrives', expectResolution);

  test('GET and HEAD of a blob: 502', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await request(method, `${edge.url}/v2/${NAME}/blobs/${LAYER.digest}`);
      expectFailure(answer, method, 502, 'UNAVAILABLE');
    }
  });

  test('crane, oras, regctl and skopeo, a pull: fails for want of the blobs, and says so', async () => {
    for (const { code, output } of await pulls) {
      expect(code).toBe(1);
      expect(output).toMatch(/502 \(Bad Gateway\)|the origin registry cannot be reached/);
    }
  });

  test('the origin is back: a tag that was moved is what it is', async () => {
    await origin.start();
    const moved = image('moved');
    await publish(origin.url, NAME, moved, 'image');
    const question = { title: '', method: 'GET', path: `/v2/${NAME}/manifests/image`, content: moved };
    expectManifest(await ask(edge, question), question, 'registry-edge; fwd=stale; stored');
  });
}

describeSetups(['crane', 'oras', 'regctl', 'skopeo'], 'the origin is stopped', stopped, [
  { kind: 'docker-registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'kv', clientAuth: 'anonymous' },
]);

function titled(title: string): Question {
  return QUESTIONS.find((question) => question.title === title) as Question;
}

const BY_TAG = QUESTIONS.filter(({ path }) => !path.includes('sha256:'));
const ILLNESSES = [429, 500, 502, 503, 504];
const VERDICTS = [401, 403, 404].flatMap((status) =>
  ['HEAD', 'GET'].flatMap((method) => ['tag', 'digest'].map((by) => ({ status, method, by }))),
);
/** An edge of its own before a proxy of its own, all of which have been asked everything once. */
async function startIn(origin: Registry, backend: BackendKind, variables: Record<string, string>): Promise<Ill> {
  const proxy = await startCountingProxy(origin.url);
  const edge = await startEdge({ origin: proxy.url, backend, variables });
  for (const question of QUESTIONS) expect((await ask(edge, question)).status).toBe(200);
  return { proxy, edge };
}

interface Ill {
  readonly proxy: CountingProxy;
  readonly edge: Edge;
}

describeWith(['docker-registry', 'redis-server'], 'the origin is ill', () => {
  let origin: Registry;
  beforeAll(async () => {
    origin = await startRegistry();
    await publishAll(origin);
  });

  describe('CLIENT_AUTH=anonymous', () => {
    let ill: Ill;
    const always = { CLIENT_AUTH: 'anonymous', TAG_TTL: '0', DESCRIPTOR_TTL: '0', ORIGIN_TIMEOUT: '2s' };
    beforeAll(async () => {
      ill = await startIn(origin, 'redis', always);
    });
    afterEach(() => ill.proxy.recover());

    test.for(ILLNESSES)('%i: the last good answer, marked', async (status) => {
      ill.proxy.failWith(status);
      for (const question of QUESTIONS) {
        const mark = `registry-edge; fwd=stale; detail=origin-${status}`;
        expectManifest(await ask(ill.edge, question), question, mark);
      }
    });

    test('no answer within ORIGIN_TIMEOUT: the last good answer, marked', async () => {
      const question = titled('GET of an image by tag');
      const held = ill.proxy.holdNext('HEAD', question.path);
      const answer = await ask(ill.edge, question);
      held.release();
      expectManifest(answer, question, 'registry-edge; fwd=stale; detail=unreachable');
    });

    test('429 with Retry-After: the origin is left alone for so long, but for blobs', async () => {
      const { edge, proxy } = ill;
      const [first] = QUESTIONS as [Question];
      proxy.failWith(429, { 'retry-after': '2' });
      const toldAt = Date.now();
      expectManifest(await ask(edge, first), first, 'registry-edge; fwd=stale; detail=origin-429');
      const before = proxy.requests.length;
      for (const question of QUESTIONS) {
        expectManifest(await ask(edge, question), question, 'registry-edge; fwd=stale; detail=paused');
      }
      const blob = `/v2/${NAME}/blobs/${LAYER.digest}`;
      expect((await request('HEAD', edge.url + blob)).status).toBe(429);
      expect(proxy.requests.slice(before)).toEqual([`HEAD ${blob}`]);

      proxy.recover();
      await until('the origin is asked again', async () => {
        const { headers } = await ask(edge, first);
        return headers['cache-status'] === 'registry-edge; fwd=stale; stored';
      });
      expect(Date.now() - toldAt).toBeGreaterThanOrEqual(2_000);
    });

    test.for(VERDICTS)("$status to a $method by $by: the origin's answer, never the last good one", async (one) => {
      const { status, method, by } = one;
      const { edge, proxy } = ill;
      const question = await kept(method, by, `${method}-${by}-${status}`);
      proxy.failWith(status);
      expectFailure(await ask(edge, question), method, status);
    });

    test('404 by digest, then 503: nothing stands in, by digest nor by a tag that led there', async () => {
      const { edge, proxy } = ill;
      const byTag = await kept('GET', 'tag', 'gone');
      const byDigest = { ...byTag, path: `/v2/${NAME}/manifests/${byTag.content.manifest.digest}` };
      proxy.failWith(404);
      expect((await ask(edge, byDigest)).status).toBe(404);
      proxy.failWith(503);
      for (const question of [byDigest, byTag]) {
        await until('it is evicted', async () => (await ask(edge, question)).status === 503);
      }
    });

    test('404 by tag, then 503: nothing stands in', async () => {
      const { edge, proxy } = ill;
      const question = await kept('GET', 'tag', 'untagged');
      proxy.failWith(404);
      expect((await ask(edge, question)).status).toBe(404);
      proxy.failWith(503);
      await until('it is evicted', async () => (await ask(edge, question)).status === 503);
    });

    /** Something that stands in for an ill origin. */
    async function kept(method: string, by: string, tag: string): Promise<Question> {
      const content = image(tag);
      await publish(origin.url, NAME, content, tag);
      const path = `/v2/${NAME}/manifests/${by === 'tag' ? tag : content.manifest.digest}`;
      const question = { title: tag, method, path, content };
      expect((await ask(ill.edge, question)).status).toBe(200);
      ill.proxy.failWith(503);
      await until('it is kept', async () => (await ask(ill.edge, question)).status === 200);
      return question;
    }
  });

  describe('CLIENT_AUTH=anonymous, STALE_IF_ERROR=0', () => {
    let ill: Ill;
    beforeAll(async () => {
      const variables = { CLIENT_AUTH: 'anonymous', STALE_IF_ERROR: '0', TAG_TTL: '1s', DESCRIPTOR_TTL: '1s' };
      ill = await startIn(origin, 'redis', variables);
    });
    afterEach(() => ill.proxy.recover());

    test.for(ILLNESSES)("%i, nothing is fresh any more: the origin's answer", async (status) => {
      ill.proxy.failWith(status);
      for (const question of QUESTIONS) {
        expectFailure(await askPastHits(ill, question), question.method, status);
      }
    });

    test('the origin is stopped, nothing is fresh any more: 502 with OCI JSON', () =>
      whileStopped(async () => {
        for (const question of QUESTIONS) {
          expectFailure(await askPastHits(ill, question), question.method, 502, 'UNAVAILABLE');
        }
      }));
  });

  describe('CLIENT_AUTH=origin', () => {
    let ill: Ill;
    beforeAll(async () => {
      ill = await startIn(origin, 'redis', { CLIENT_AUTH: 'origin', PUSH_EXISTENCE_TTL: '1s' });
    });
    afterEach(() => ill.proxy.recover());

    test.for(ILLNESSES)("%i, a tag at once, a digest past PUSH_EXISTENCE_TTL: the origin's answer", async (status) => {
      ill.proxy.failWith(status);
      for (const question of BY_TAG) {
        expectFailure(await ask(ill.edge, question), question.method, status);
      }
      for (const question of QUESTIONS) {
        expectFailure(await askPastHits(ill, question), question.method, status);
      }
    });

    test('the origin is stopped, a tag at once, a digest past PUSH_EXISTENCE_TTL: 502 with OCI JSON', () =>
      whileStopped(async () => {
        for (const question of BY_TAG) {
          expectFailure(await ask(ill.edge, question), question.method, 502, 'UNAVAILABLE');
        }
        for (const question of QUESTIONS) {
          expectFailure(await askPastHits(ill, question), question.method, 502, 'UNAVAILABLE');
        }
      }));
  });

  async function whileStopped(work: () => Promise<void>): Promise<void> {
    await origin.stop();
    try {
      await work();
    } finally {
      await origin.start();
    }
  }
});

/** Asks until the answer is none that is fresh in the cache. */
function askPastHits({ edge }: { readonly edge: Edge }, question: Question): Promise<Answer> {
  return until('nothing is fresh any more', async () => {
    const answer = await ask(edge, question);
    return !answer.headers['cache-status']?.includes('; hit') && answer;
  });
}
