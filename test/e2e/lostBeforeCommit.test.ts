import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SUCCESS } from './support/command.ts';
import { OCI } from './support/contents.ts';
import { type CredulousRegistry, startCredulousRegistry } from './support/credulous.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { pathsOf, warm } from './support/hits.ts';
import { type Image, makeImage } from './support/image.ts';
import { expectWhole, loseImage } from './support/lost.ts';
import type { Pusher } from './support/pusher.ts';
import { PUSHERS } from './support/pushers.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { type BackendKind, describeWith, toolsOf } from './support/tools.ts';

/** So long a confirmation counts; "exists" is answered for a day more. */
const WINDOW_MS = 1_000;
const VARIABLES = { PUSH_EXISTENCE_TTL: '1s', PUSH_STALE_WHILE_REVALIDATE: '1d' };
const STORES: readonly BackendKind[] = ['durable', 'redis', 'kv', 'inmemory'];

/** An origin that loses images behind the edge's back. */
interface Origin {
  readonly url: string;
  lose(name: string, image: Image): Promise<void>;
  /** Expects the image to be whole, and that it never was broken. */
  expectWhole(name: string, image: Image): Promise<void>;
}

const ORIGINS: readonly { what: string; start(): Promise<Origin> }[] = [
  {
    what: 'a registry that verifies manifests',
    async start() {
      const registry: Registry = await startRegistry({ kind: 'registry' });
      return {
        url: registry.url,
        lose: (name, image) => loseImage(registry, name, image, 'one layer'),
        expectWhole: (name, image) => expectWhole(registry, name, image),
      };
    },
  },
  {
    what: 'a registry that accepts whatever it is sent',
    async start() {
      const registry: CredulousRegistry = await startCredulousRegistry();
      return {
        url: registry.url,
        lose: async (name, { layers }) => registry.loseBlob(name, layers[0].digest),
        async expectWhole(name, image) {
          expect(registry.broken).toEqual([]);
          expect(registry.isWhole(name, image)).toBe(true);
        },
      };
    },
  },
];

function lostBeforeCommit(backend: BackendKind, start: () => Promise<Origin>): void {
  let origin: Origin;
  let edge: Edge;
  let refusals = 0;
  beforeAll(async () => {
    origin = await start();
    edge = await startEdge({ origin: origin.url, backend, variables: VARIABLES });
  });

  test.for(PUSHERS)(
    '$name: at most two pushes make the image whole, and it is never broken',
    async (pusher: Pusher) => {
      const name = `team/${pusher.name}`;
      const image = await makeImage(`lost before the commit ${pusher.name} ${backend} ${origin.url}`);
      const { folder, manifest, config, layers } = image;
      const layout = { folder, manifest, mediaType: OCI.manifest, children: [], blobs: [config, ...layers] };
      const push = () => pusher.push(layout, `${edge.host}/${name}:v1`);
      expect(await push()).toMatchObject(SUCCESS);
      await warm(edge, pathsOf(name, image));
      await origin.lose(name, image);
      await delay(WINDOW_MS);

      const first = await push();
      if (first.code !== 0) refusals += 1;
      expect(first.code === 0 ? first : await push()).toMatchObject(SUCCESS);

      await origin.expectWhole(name, image);
    },
  );

  afterAll(() => {
    // Otherwise no client was told that the lost layer exists, and nothing was tested.
    expect(refusals).toBeGreaterThan(0);
  });
}

for (const { what, start } of ORIGINS) {
  describe(`a layer is lost longer than PUSH_EXISTENCE_TTL before the push, at ${what}`, () => {
    for (const backend of STORES) {
      const tools = ['crane', 'oras', 'regctl', 'registry', 'skopeo', ...toolsOf(backend)] as const;
      describeWith([...tools], `cache in ${backend}`, () => lostBeforeCommit(backend, start));
    }
  });
}
