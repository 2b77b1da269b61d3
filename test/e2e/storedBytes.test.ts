import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { SUCCESS } from './support/command.ts';
import { artifact, publish } from './support/contents.ts';
import { request } from './support/http.ts';
import { type Blob, type Image, makeBlob, makeImage } from './support/image.ts';
import type { Client } from './support/journeys/client.ts';
import { ENGINES } from './support/journeys/engines.ts';
import { PROGRAMS } from './support/journeys/programs.ts';
import { download } from './support/largeBlob.ts';
import { mulberry32 } from './support/random.ts';
import { type Chain, startChain } from './support/setups.ts';
import { expectPush } from './support/skopeo.ts';
import { describeBackends, missingTools } from './support/tools.ts';

/** All that this machine has; CI has all. */
const CLIENTS: readonly Client[] = [...ENGINES, ...PROGRAMS].filter(
  ({ tools }) => process.env.CI === 'true' || missingTools(tools).length === 0,
);
const TWO_CLIENTS = PROGRAMS.filter(({ name }) => name === 'skopeo' || name === 'crane');
/** Pulls and starts of daemons take seconds. */
const LIMIT_MS = 120_000;
/** An open mirror that keeps bytes, and on which tags do not move for as long as the tests take. */
const MIRROR = { CLIENT_AUTH: 'anonymous', BLOB_STORE: 'r2', TAG_TTL: '1h', CACHE_TIMEOUT: '1s' };
const NAME = 'team/app';
const BLOB_BYTES = 3_000_000;

describeBackends(['registry', 'skopeo'], 'an open mirror with BLOB_STORE=r2', (backend) => {
  let chain: Chain;
  let blob: Blob;
  let url: string;
  beforeAll(async () => {
    chain = await startChain({ backend, variables: MIRROR }, { kind: 'registry' });
    blob = makeBlob(`ranges ${backend}`, BLOB_BYTES);
    await publish(chain.origin.url, NAME, artifact([blob]), 'blob');
    url = `${chain.edge.url}/v2/${NAME}/blobs/${blob.digest}`;
    expect((await request('GET', url)).body.equals(blob.bytes)).toBe(true);
  });

  test.for(CLIENTS)(
    '$name pulls an image twice: the second time the origin is asked for nothing',
    { timeout: LIMIT_MS },
    async (client) => {
      const image = await makeImage(`${client.name} ${backend}`);
      const name = `team/${client.name.replaceAll(/[^a-z0-9]/g, '-').toLowerCase()}`;
      await expectPush(image, `${chain.origin.host}/${name}:v1`);
      for (const asksNothing of [false, true]) {
        const before = chain.proxy.requests.length;
        const session = await client.open({ env: {} });
        expect(await session.pull(`${chain.edge.host}/${name}:v1`)).toMatchObject(SUCCESS);
        expect(await session.holds(image)).toBe(true);
        const asked = chain.proxy.requests.slice(before);
        if (asksNothing) expect(asked).toEqual([]);
        else expect(asked.filter((each) => each.startsWith('GET') && each.includes('/blobs/'))).toHaveLength(4);
      }
    },
  );

  test('400 random ranges are the origin’s, and the origin is asked for none', async () => {
    const random = mulberry32(backend.length);
    const below = (bound: number) => Math.floor(random() * bound);
    const before = chain.proxy.requests.length;
    for (let count = 0; count < 400; count++) {
      const range = rangeOf(count, below);
      const [direct, edge] = await Promise.all(
        [`${chain.origin.url}/v2/${NAME}/blobs/${blob.digest}`, url].map((at) =>
          request('GET', at, { headers: { range } }),
        ),
      );
      const shown = ({ status, headers, body }: NonNullable<typeof direct>) => ({
        ...{ range, status, contentRange: headers['content-range'], length: headers['content-length'] },
        hash: createHash('sha256').update(body).digest('hex'),
      });
      if (!direct || !edge) throw new Error('no answer');
      expect(shown(edge)).toEqual(shown(direct));
    }
    expect(chain.proxy.requests.slice(before)).toEqual([]);
  });

  test('the rest of a blob whose GET broke off, by Range and If-Range with its ETag: every missing byte', async () => {
    const hash = createHash('sha256');
    const first = await download(url, {}, hash, BLOB_BYTES / 3);
    expect([first.status, first.headers['content-length'], first.headers.etag]).toEqual([
      200,
      String(BLOB_BYTES),
      `"${blob.digest}"`,
    ]);
    const headers = { range: `bytes=${first.bytes}-`, 'if-range': first.headers.etag ?? '' };
    const rest = await download(url, headers, hash);
    expect([rest.status, rest.headers['cache-status']]).toEqual([206, 'registry-edge; hit; detail=r2']);
    expect(`sha256:${hash.digest('hex')}`).toBe(blob.digest);
  });
});

/** Ranges as clients ask for them: those of a footer and of chunks by lazy pulls (stargz, nydus), a resume, any. */
function rangeOf(count: number, below: (bound: number) => number): string {
  const first = below(BLOB_BYTES);
  switch (count % 5) {
    case 0:
      return `bytes=-${1 + below(51)}`;
    case 1:
      return `bytes=${BLOB_BYTES - 1 - below(1_000)}-`;
    case 2:
      return `bytes=${first - (first % 4_096)}-${first - (first % 4_096) + 4_095}`;
    case 3:
      return `bytes=${first}-${Math.min(BLOB_BYTES - 1, first + 1_048_575)}`;
    default:
      return `bytes=${first}-${first + below(10_000)}`;
  }
}

describeBackends(['registry', 'skopeo', 'crane'], 'an origin that is stopped, with BLOB_STORE=r2', (backend) => {
  let chain: Chain;
  let image: Image;
  beforeAll(async () => {
    chain = await startChain(
      { backend, variables: { ...MIRROR, DESCRIPTOR_TTL: '1s', TAG_TTL: '1s' } },
      { kind: 'registry' },
    );
    image = await makeImage(`stopped ${backend}`);
    await expectPush(image, `${chain.origin.host}/${NAME}:v1`);
  });

  test('an image that was pulled once is pulled whole by callers that only pull', { timeout: LIMIT_MS }, async () => {
    for (const client of TWO_CLIENTS) {
      const session = await client.open({ env: {} });
      expect(await session.pull(`${chain.edge.host}/${NAME}:v1`)).toMatchObject(SUCCESS);
    }
    await chain.origin.stop();
    await setTimeout(1_100);
    for (const client of TWO_CLIENTS) {
      const session = await client.open({ env: {} });
      expect(await session.pull(`${chain.edge.host}/${NAME}:v1`)).toMatchObject(SUCCESS);
      expect(await session.holds(image)).toBe(true);
    }
  });
});
