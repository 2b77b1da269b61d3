import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SUCCESS } from './support/command.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { warm } from './support/hits.ts';
import { makeImage } from './support/image.ts';
import { LOSING_ORIGINS, type LosingOrigin, storedImage } from './support/losingOrigins.ts';
import { PUSHING_CLIENTS, PUSHING_TOOLS } from './support/pushingClients.ts';
import { type BackendKind, describeWith, toolsOf } from './support/tools.ts';

/** So long a confirmation counts; "exists" is answered for a day more. */
const WINDOW_MS = 1_000;
const VARIABLES = { PUSH_EXISTENCE_TTL: '1s', PUSH_STALE_WHILE_REVALIDATE: '1d' };
const STORES: readonly BackendKind[] = ['durable', 'redis', 'kv', 'inmemory'];

function lostBeforeCommit(backend: BackendKind, start: () => Promise<LosingOrigin>): void {
  let origin: LosingOrigin;
  let edge: Edge;
  let refusals = 0;
  beforeAll(async () => {
    origin = await start();
    edge = await startEdge({ origin: origin.url, backend, variables: VARIABLES });
  });

  test.for(PUSHING_CLIENTS)(
    '$name: at most two pushes make the image whole, and it is never broken',
    async (client) => {
      const name = `team/${client.name}`;
      const image = await makeImage(`lost before the commit ${client.name} ${backend} ${origin.url}`);
      const pushTo = await client.open(image);
      const push = () => pushTo(`${edge.host}/${name}:v1`);
      expect(await push()).toMatchObject(SUCCESS);
      const stored = await storedImage(origin.url, name);
      const blobs = [stored.config, ...stored.layers].map(({ digest }) => `/v2/${name}/blobs/${digest}`);
      await warm(edge, blobs);
      await origin.lose(name, stored);
      await delay(WINDOW_MS);

      const first = await push();
      if (first.code !== 0) refusals += 1;
      expect(first.code === 0 ? first : await push()).toMatchObject(SUCCESS);

      await origin.expectWhole(name, await storedImage(origin.url, name));
    },
  );

  afterAll(() => {
    // Otherwise no client was told that the lost layer exists, and nothing was tested.
    expect(refusals).toBeGreaterThan(0);
  });
}

for (const { what, start } of LOSING_ORIGINS) {
  describe(`a layer is lost longer than PUSH_EXISTENCE_TTL before the push, at ${what}`, () => {
    for (const backend of STORES) {
      const tools = [...new Set([...PUSHING_TOOLS, ...toolsOf(backend)])];
      describeWith(tools, `cache in ${backend}`, () => lostBeforeCommit(backend, start));
    }
  });
}
