import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, head } from './support/http.ts';
import { type Blob, makeImage } from './support/image.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { push, SUCCESS } from './support/skopeo.ts';
import { describeBackends } from './support/tools.ts';

/** The only ones in which a warm answer may differ from a cold one. */
const OF_THE_MOMENT = new Set(['date', 'cache-status', 'server-timing']);
const HEADS = 1_000;
const AT_ONCE = 50;

function lasting({ headers }: Answer): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_MOMENT.has(name)));
}

describeBackends(['docker-registry', 'skopeo'], 'HEAD /v2/<name>/blobs/<digest>', (backend) => {
  const store = backend === 'inmemory' ? 'memory' : backend;
  let origin: Registry;
  let proxy: CountingProxy;
  let edge: Edge;
  let blobs: Blob[];
  beforeAll(async () => {
    origin = await startRegistry();
    proxy = await startCountingProxy(origin.url);
    // A busy machine's store may need more than the 250 ms after which the origin is asked as well.
    edge = await startEdge({ origin: proxy.url, backend, variables: { CACHE_TIMEOUT: '1s' } });
    const image = await makeImage(`head ${backend}`, [300, 20_000, 300_000, 400]);
    blobs = [image.config, ...image.layers];
    for (const name of ['app', 'sequential', 'concurrent', 'known']) {
      expect(await push(image.source, `${origin.host}/team/${name}:v1`)).toMatchObject(SUCCESS);
    }
  });
  const blob = (index: number) => blobs[index] as Blob;

  test(`cold is fwd=miss, warm is hit; detail=${store}, and no other header differs`, async () => {
    for (const { digest } of blobs) {
      const cold = await head(`${edge.url}/v2/team/app/blobs/${digest}`);
      const warm = await head(`${edge.url}/v2/team/app/blobs/${digest}`);

      expect(cold.headers['cache-status']).toMatch(/^registry-edge; fwd=miss/);
      expect(warm.headers['cache-status']).toBe(`registry-edge; hit; detail=${store}`);
      expect(warm.status).toBe(cold.status);
      expect(lasting(warm)).toEqual(lasting(cold));
    }
  });

  test("status, size, media type, digest and ETag are those of the origin's own answer", async () => {
    for (const { digest, bytes } of blobs) {
      const direct = await head(`${origin.url}/v2/team/app/blobs/${digest}`);
      const edged = await head(`${edge.url}/v2/team/app/blobs/${digest}`);

      expect(direct.headers['content-length']).toBe(String(bytes.length));
      expect(edged.status).toBe(direct.status);
      for (const name of ['content-length', 'content-type', 'docker-content-digest', 'etag']) {
        expect([name, edged.headers[name]]).toEqual([name, direct.headers[name]]);
      }
    }
  });

  test('a thousand one after the other by one caller: the origin is asked once', async () => {
    const path = `/v2/team/sequential/blobs/${blob(1).digest}`;
    for (let count = 0; count < HEADS; count++) expect((await head(edge.url + path)).status).toBe(200);
    expect(proxy.count('HEAD', path) + proxy.count('GET', path)).toBe(1);
  });

  test('a thousand, fifty at a time, by one caller not yet known: the origin is asked once', async () => {
    const path = `/v2/team/concurrent/blobs/${blob(2).digest}`;
    const told = await headsAtOnce(edge.url + path, blob(2));
    expect(proxy.count('HEAD', path) + proxy.count('GET', path), told).toBe(1);
  });

  test('a thousand, fifty at a time, by one caller with a grant: the origin is asked once', async () => {
    expect((await head(`${edge.url}/v2/team/known/blobs/${blob(0).digest}`)).status).toBe(200);
    const path = `/v2/team/known/blobs/${blob(3).digest}`;
    const told = await headsAtOnce(edge.url + path, blob(3));
    expect(proxy.count('HEAD', path) + proxy.count('GET', path), told).toBe(1);
  });
});

/** @returns how often each `Cache-Status` was answered, to be told where something is wrong */
async function headsAtOnce(url: string, { bytes }: Blob): Promise<string> {
  const told: Record<string, number> = {};
  let left = HEADS;
  async function worker(): Promise<void> {
    while (left-- > 0) {
      const { status, headers } = await head(url);
      expect([status, headers['content-length']]).toEqual([200, String(bytes.length)]);
      const decision = headers['cache-status'] ?? 'none';
      told[decision] = (told[decision] ?? 0) + 1;
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return JSON.stringify(told);
}
