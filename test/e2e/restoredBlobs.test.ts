import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { SUCCESS } from './support/command.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { request } from './support/http.ts';
import { makeImage } from './support/image.ts';
import { LOSING_ORIGINS, type LosingOrigin, storedImage } from './support/losingOrigins.ts';
import { PUSHING_CLIENTS, PUSHING_TOOLS } from './support/pushingClients.ts';
import { describeWith } from './support/tools.ts';

/** So long a confirmation counts; "exists" is answered for a day more. */
const WINDOW_MS = 1_000;
const VARIABLES = {
  PUSH_EXISTENCE_TTL: '1s',
  PUSH_STALE_WHILE_REVALIDATE: '1d',
  BLOB_STORE: 'r2',
  CACHE_TIMEOUT: '1s',
};

function restoredBlobs(start: () => Promise<LosingOrigin>): void {
  let origin: LosingOrigin;
  let edge: Edge;
  beforeAll(async () => {
    origin = await start();
    edge = await startEdge({ origin: origin.url, backend: 'durable', variables: VARIABLES });
  });

  test.for(PUSHING_CLIENTS)('$name: the first push makes the image whole', async (client) => {
    const name = `team/${client.name}`;
    const image = await makeImage(`restored ${client.name} ${origin.url}`);
    const pushTo = await client.open(image);
    const push = () => pushTo(`${edge.host}/${name}:v1`);
    expect(await push()).toMatchObject(SUCCESS);
    const stored = await storedImage(origin.url, name);
    // A pull gives the edge the bytes, and proves that callers without a credential may have them.
    for (const { digest } of [stored.config, ...stored.layers]) {
      expect((await request('GET', `${edge.url}/v2/${name}/blobs/${digest}`)).status).toBe(200);
    }
    await origin.lose(name, stored);
    await delay(WINDOW_MS);

    expect(await push()).toMatchObject(SUCCESS);

    await origin.expectWhole(name, await storedImage(origin.url, name));
  });
}

for (const { what, start } of LOSING_ORIGINS) {
  describe(`a layer is lost whose bytes the edge has, at ${what}`, () => {
    describeWith(PUSHING_TOOLS, 'cache in durable', () => restoredBlobs(start));
  });
}
