import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { Content } from '../../local/origin/content.ts';
import { createRegistry } from '../../local/origin/registry.ts';
import { serveLocally } from '../../local/serve.ts';
import { atEnd } from './support/cleanup.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { basic, head } from './support/http.ts';
import { type Blob, makeBlob } from './support/image.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/busy';
/** HEADs that are under way at the same time, and writes that go into the same object meanwhile. */
const AT_ONCE = 200;
const WRITES_A_SECOND = 50;
const SECONDS = 4;
const CALLER = basic('alice', 'a');

describeWith([], 'a repository that is asked and written at the same time, BLOBDESCRIPTOR=durable', () => {
  let edge: Edge;
  let asked = 0;
  const content = new Content();
  const known = Array.from({ length: 20 }, (_, n) => makeBlob(`known ${n}`, 500 + n));
  const fresh = Array.from({ length: WRITES_A_SECOND * SECONDS }, (_, n) => makeBlob(`fresh ${n}`, 700 + n));
  const pathOf = ({ digest }: Blob) => `/v2/${NAME}/blobs/${digest}`;
  beforeAll(async () => {
    for (const { digest, bytes } of [...known, ...fresh]) content.putBlob(NAME, digest, bytes);
    const registry = createRegistry(content);
    const served = await serveLocally((request) => {
      asked += 1;
      return registry.fetch(request);
    });
    atEnd(() => served.close());
    edge = await startEdge({ origin: served.url, backend: 'durable', variables: { CACHE_TIMEOUT: '1s' } });
    for (const blob of known) await head(edge.url + pathOf(blob), CALLER);
  });

  test(`${AT_ONCE} HEADs at once are answered rightly while ${WRITES_A_SECOND} writes a second go in`, async () => {
    const wrong: string[] = [];
    let [isOver, answered, hits] = [false, 0, 0];

    async function ask(blob: Blob): Promise<void> {
      const { status, headers } = await head(edge.url + pathOf(blob), CALLER);
      answered += 1;
      if (headers['cache-status']?.includes('hit')) hits += 1;
      const isRight = status === 200 && headers['content-length'] === String(blob.bytes.length);
      if (!isRight || headers['docker-content-digest'] !== blob.digest) wrong.push(`${status} ${blob.digest}`);
    }
    async function askers(at: number): Promise<void> {
      for (let n = at; !isOver; n++) await ask(known[n % known.length] as Blob);
    }

    const crowd = Promise.all(Array.from({ length: AT_ONCE }, (_, at) => askers(at)));
    const askedBefore = asked;
    const writes: Promise<void>[] = [];
    for (const blob of fresh) {
      writes.push(ask(blob));
      await delay(1_000 / WRITES_A_SECOND);
    }
    await Promise.all(writes);
    isOver = true;
    await crowd;

    expect(wrong).toEqual([]);
    expect(answered).toBeGreaterThan(AT_ONCE * SECONDS);
    // What is written is a miss, once; everything else is in the store.
    expect(hits / (answered - fresh.length)).toBeGreaterThan(0.99);
    expect(asked - askedBefore).toBeLessThan(fresh.length + 0.01 * answered);
    for (const blob of fresh) {
      const { headers } = await head(edge.url + pathOf(blob), CALLER);
      expect(headers['cache-status']).toBe('registry-edge; hit; detail=durable');
    }
  });
});
