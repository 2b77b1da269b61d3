import { beforeAll, expect, test } from 'vitest';
import { type Edge, PATIENT } from './support/edge.ts';
import { head, lastingHeaders } from './support/http.ts';
import { type Blob, makeImage } from './support/image.ts';
import { inParallel } from './support/inParallel.ts';
import type { CountingProxy } from './support/proxy.ts';
import type { Registry } from './support/registry.ts';
import { startChain } from './support/setups.ts';
import { expectPush } from './support/skopeo.ts';
import { describeBackends } from './support/tools.ts';

const HEADS = 1_000;
const AT_ONCE = 50;

describeBackends(['docker-registry', 'skopeo'], 'HEAD /v2/<name>/blobs/<digest>', (backend) => {
  const store = backend === 'inmemory' ? 'memory' : backend;
  let origin: Registry;
  let proxy: CountingProxy;
  let edge: Edge;
  let blobs: Blob[];
  beforeAll(async () => {
    ({ origin, proxy, edge } = await startChain({ backend, variables: PATIENT }));
    const image = await makeImage(`head ${backend}`, [300, 20_000, 300_000, 400]);
    blobs = [image.config, ...image.layers];
    for (const name of ['app', 'sequential', 'unproven', 'granted']) {
      await expectPush(image, `${origin.host}/team/${name}:v1`);
    }
  });
  const blob = (index: number) => blobs[index] as Blob;

  test(`a cold answer is fwd=miss, a warm one hit; detail=${store}; the lasting headers are equal`, async () => {
    for (const { digest } of blobs) {
      const cold = await head(`${edge.url}/v2/team/app/blobs/${digest}`);
      const warm = await head(`${edge.url}/v2/team/app/blobs/${digest}`);

      expect(cold.headers['cache-status']).toMatch(/^registry-edge; fwd=miss/);
      expect(warm.headers['cache-status']).toBe(`registry-edge; hit; detail=${store}`);
      expect(warm.status).toBe(cold.status);
      expect(lastingHeaders(warm)).toEqual(lastingHeaders(cold));
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

  test('a thousand requests of one caller, one after the other: the origin is asked once', async () => {
    const path = `/v2/team/sequential/blobs/${blob(1).digest}`;
    for (let count = 0; count < HEADS; count++) expect((await head(edge.url + path)).status).toBe(200);
    expect(proxy.count('HEAD', path) + proxy.count('GET', path)).toBe(1);
  });

  test('a thousand requests of one caller without a grant, fifty at a time: the origin is asked once', async () => {
    const path = `/v2/team/unproven/blobs/${blob(2).digest}`;
    const decisions = await sendHeads(edge.url + path, blob(2));
    expect(proxy.count('HEAD', path) + proxy.count('GET', path), decisions).toBe(1);
  });

  test('a thousand requests of one caller with a grant, fifty at a time: the origin is asked once', async () => {
    expect((await head(`${edge.url}/v2/team/granted/blobs/${blob(0).digest}`)).status).toBe(200);
    const path = `/v2/team/granted/blobs/${blob(3).digest}`;
    const decisions = await sendHeads(edge.url + path, blob(3));
    expect(proxy.count('HEAD', path) + proxy.count('GET', path), decisions).toBe(1);
  });
});

/** @returns the count of each `Cache-Status`, for the messages of failures */
async function sendHeads(url: string, { bytes }: Blob): Promise<string> {
  const decisions: Record<string, number> = {};
  await inParallel(Array(HEADS).fill(url), AT_ONCE, async () => {
    const { status, headers } = await head(url);
    expect([status, headers['content-length']]).toEqual([200, String(bytes.length)]);
    const decision = headers['cache-status'] ?? 'none';
    decisions[decision] = (decisions[decision] ?? 0) + 1;
  });
  return JSON.stringify(decisions);
}
