import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { image, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { request } from './support/http.ts';
import {
  ask,
  askUntilStale,
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
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

function questionTitled(title: string): Question {
  return QUESTIONS.find((question) => question.title === title) as Question;
}

const BY_TAG = QUESTIONS.filter(({ path }) => !path.includes('sha256:'));
const FAILURES = [429, 500, 502, 503, 504];
const REFUSALS = [401, 403, 404].flatMap((status) =>
  ['HEAD', 'GET'].flatMap((method) => ['tag', 'digest'].map((by) => ({ status, method, by }))),
);
/** Starts a proxy and an edge in front of the origin, and asks every question once. */
async function startWarm(origin: Registry, variables: Record<string, string>): Promise<Front> {
  const proxy = await startCountingProxy(origin.url);
  const edge = await startEdge({ origin: proxy.url, backend: 'redis', variables });
  for (const question of QUESTIONS) expect((await ask(edge, question)).status).toBe(200);
  return { proxy, edge };
}

/** An edge behind whose back the origin can be made to fail. */
interface Front {
  readonly proxy: CountingProxy;
  readonly edge: Edge;
}

describeWith(['docker-registry', 'redis-server'], 'a failing origin', () => {
  let origin: Registry;
  beforeAll(async () => {
    origin = await startRegistry();
    await publishAll(origin);
  });

  describe('CLIENT_AUTH=anonymous', () => {
    let front: Front;
    const variables = { CLIENT_AUTH: 'anonymous', TAG_TTL: '0', DESCRIPTOR_TTL: '0', ORIGIN_TIMEOUT: '2s' };
    beforeAll(async () => {
      front = await startWarm(origin, variables);
    });
    afterEach(() => front.proxy.recover());

    test.for(FAILURES)('%i: the last good answer, with fwd=stale', async (status) => {
      front.proxy.failWith(status);
      for (const question of QUESTIONS) {
        const cacheStatus = `registry-edge; fwd=stale; detail=origin-${status}`;
        expectManifest(await ask(front.edge, question), question, cacheStatus);
      }
    });

    test('no answer within ORIGIN_TIMEOUT: the last good answer, with fwd=stale', async () => {
      const question = questionTitled('GET of an image by tag');
      const held = front.proxy.holdNext('HEAD', question.path);
      const answer = await ask(front.edge, question);
      held.release();
      expectManifest(answer, question, 'registry-edge; fwd=stale; detail=unreachable');
    });

    test('429 with Retry-After: for so long the origin is asked for blobs alone', async () => {
      const { edge, proxy } = front;
      const [first] = QUESTIONS as [Question];
      proxy.failWith(429, { 'retry-after': '2' });
      const failedAt = Date.now();
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
      expect(Date.now() - failedAt).toBeGreaterThanOrEqual(2_000);
    });

    test.for(REFUSALS)("$status to a $method by $by: the origin's answer, never the last good one", async (refusal) => {
      const { status, method, by } = refusal;
      const { edge, proxy } = front;
      const question = await publishCached(method, by, `${method}-${by}-${status}`);
      proxy.failWith(status);
      // An open mirror asks nobody to log in.
      expectFailure(await ask(edge, question), method, status === 401 ? 403 : status);
    });

    test('404 by digest, then 503: no stale answer, neither by digest nor by a tag that named it', async () => {
      const { edge, proxy } = front;
      const byTag = await publishCached('GET', 'tag', 'gone');
      const byDigest = { ...byTag, path: `/v2/${NAME}/manifests/${byTag.content.manifest.digest}` };
      proxy.failWith(404);
      expect((await ask(edge, byDigest)).status).toBe(404);
      proxy.failWith(503);
      for (const question of [byDigest, byTag]) {
        await until('it is evicted', async () => (await ask(edge, question)).status === 503);
      }
    });

    test('404 by tag, then 503: no stale answer', async () => {
      const { edge, proxy } = front;
      const question = await publishCached('GET', 'tag', 'untagged');
      proxy.failWith(404);
      expect((await ask(edge, question)).status).toBe(404);
      proxy.failWith(503);
      await until('it is evicted', async () => (await ask(edge, question)).status === 503);
    });

    /** Publishes an image, and waits until the edge answers for it while the origin fails. */
    async function publishCached(method: string, by: string, tag: string): Promise<Question> {
      const content = image(tag);
      await publish(origin.url, NAME, content, tag);
      const path = `/v2/${NAME}/manifests/${by === 'tag' ? tag : content.manifest.digest}`;
      const question = { title: tag, method, path, content };
      expect((await ask(front.edge, question)).status).toBe(200);
      front.proxy.failWith(503);
      await until('the edge has a last good answer', async () => (await ask(front.edge, question)).status === 200);
      return question;
    }
  });

  describe('CLIENT_AUTH=anonymous, STALE_IF_ERROR=0', () => {
    let front: Front;
    beforeAll(async () => {
      const variables = { CLIENT_AUTH: 'anonymous', STALE_IF_ERROR: '0', TAG_TTL: '1s', DESCRIPTOR_TTL: '1s' };
      front = await startWarm(origin, variables);
    });
    afterEach(() => front.proxy.recover());

    test.for(FAILURES)("%i, and every entry is stale: the origin's answer", async (status) => {
      front.proxy.failWith(status);
      for (const question of QUESTIONS) {
        expectFailure(await askUntilStale(front.edge, question), question.method, status);
      }
    });

    test('the origin is stopped, and every entry is stale: 502 with OCI JSON', () =>
      whileStopped(async () => {
        for (const question of QUESTIONS) {
          expectFailure(await askUntilStale(front.edge, question), question.method, 502, 'UNAVAILABLE');
        }
      }));
  });

  describe('CLIENT_AUTH=origin', () => {
    let front: Front;
    beforeAll(async () => {
      front = await startWarm(origin, { CLIENT_AUTH: 'origin', PUSH_EXISTENCE_TTL: '1s' });
    });
    afterEach(() => front.proxy.recover());

    test.for(FAILURES)(
      "%i, for a tag at once, for a digest after PUSH_EXISTENCE_TTL: the origin's answer",
      async (status) => {
        front.proxy.failWith(status);
        for (const question of BY_TAG) {
          expectFailure(await ask(front.edge, question), question.method, status);
        }
        for (const question of QUESTIONS) {
          expectFailure(await askUntilStale(front.edge, question), question.method, status);
        }
      },
    );

    test('the origin is stopped, for a tag at once, for a digest after PUSH_EXISTENCE_TTL: 502 with OCI JSON', () =>
      whileStopped(async () => {
        for (const question of BY_TAG) {
          expectFailure(await ask(front.edge, question), question.method, 502, 'UNAVAILABLE');
        }
        for (const question of QUESTIONS) {
          expectFailure(await askUntilStale(front.edge, question), question.method, 502, 'UNAVAILABLE');
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
