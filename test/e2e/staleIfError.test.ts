import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { image, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { request } from './support/http.ts';
import {
  ask,
  askPastHits,
  expectFailure,
  expectManifest,
  LAYER,
  NAME,
  publishAll,
  QUESTIONS,
  type Question,
} from './support/lastGood.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { type BackendKind, describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

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
