import { beforeAll, expect, test } from 'vitest';
import { type Outcome, runClient, SUCCESS } from './support/command.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { ask, HIT, pathsOf, warm } from './support/hits.ts';
import { type Image, makeImage } from './support/image.ts';
import { expectWhole, LOSSES, loseImage } from './support/lost.ts';
import { startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeSetups, type Setup, startSetup } from './support/setups.ts';
import { push as pushBySkopeo } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';

/** Clients that exit with an error if the registry refuses the manifest. */
const PUSHERS: readonly { client: string; push(image: Image, reference: string): Promise<Outcome> }[] = [
  { client: 'skopeo', push: ({ source }, reference) => pushBySkopeo(source, reference) },
  { client: 'crane', push: ({ folder }, reference) => runClient('crane', ['push', '--insecure', folder, reference]) },
  {
    // oras asks for the manifest first, and sends nothing if it exists.
    client: 'oras',
    push({ folder }, reference) {
      const args = ['cp', '--from-oci-layout', '--to-plain-http', '--no-tty', `${folder}:latest`, reference];
      return runClient('oras', args);
    },
  },
];
const CASES = PUSHERS.flatMap((pusher) =>
  LOSSES.map((loss) => ({ ...pusher, loss, name: `team/${pusher.client}-${loss.replace(' ', '-')}` })),
);

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'registry', backend: 'durable', clientAuth: 'origin' },
  { kind: 'docker-registry', backend: 'inmemory', clientAuth: 'origin' },
];

/** Repeats a push that fails, as people do. */
async function pushAtMostTwice(push: () => Promise<Outcome>): Promise<Outcome> {
  const first = await push();
  return first.code === 0 ? first : push();
}

function lostLayer(setup: Setup): void {
  let origin: Registry;
  let edge: Edge;
  beforeAll(async () => {
    ({ origin, edge } = await startSetup(setup));
  });

  test.for(CASES)('$client, lost: $loss; at most two pushes through a warm edge make the image whole', async (lost) => {
    const { client, push, loss, name } = lost;
    const image = await makeImage(`lost ${loss} ${client} ${setup.kind}`);
    const [layer] = image.layers;
    const at = `${edge.url}/v2/${name}`;
    expect(await push(image, `${edge.host}/${name}:v1`)).toMatchObject(SUCCESS);
    await warm(edge, pathsOf(name, image));
    await loseImage(origin, name, image, loss);
    // The danger: the edge still says that the layer exists, so the client does not upload it.
    expect(await ask(`${at}/blobs/${layer.digest}`)).toEqual(HIT);

    expect(await pushAtMostTwice(() => push(image, `${edge.host}/${name}:v1`))).toMatchObject(SUCCESS);

    await expectWhole(origin, name, image);
    expect((await ask(`${at}/blobs/${layer.digest}`)).status).toBe(200);
  });
}

describeSetups(['crane', 'oras', 'skopeo'], 'an image that is lost at the origin', lostLayer, SETUPS);

describeWith(
  ['crane', 'oras', 'redis-server', 'registry', 'skopeo'],
  'REDIS_SHARED=true: an image that is lost at the origin',
  lostLayerShared,
);

function lostLayerShared(): void {
  let origin: Registry;
  let edge: Edge;
  beforeAll(async () => {
    const redis = await startRedis();
    origin = await startRegistry({ kind: 'registry', redis });
    edge = await startEdge({ origin: origin.url, backend: 'redis', redis, variables: { REDIS_SHARED: 'true' } });
  });

  // The registry's delete clears the descriptors that both use; only the manifests' keys are the edge's own.
  test.for(PUSHERS)(
    '$client: the layer is a 404 at once, and at most two pushes make the image whole',
    async ({ client, push }) => {
      const name = `team/${client}`;
      const at = `${edge.url}/v2/${name}`;
      const image = await makeImage(`lost shared ${client}`);
      expect(await push(image, `${edge.host}/${name}:v1`)).toMatchObject(SUCCESS);
      await warm(edge, pathsOf(name, image));
      await loseImage(origin, name, image, 'one layer');
      expect(await ask(`${at}/blobs/${image.layers[0].digest}`)).toMatchObject({ status: 404 });
      expect(await ask(`${at}/manifests/${image.manifest.digest}`)).toEqual(HIT);

      expect(await pushAtMostTwice(() => push(image, `${edge.host}/${name}:v1`))).toMatchObject(SUCCESS);

      await expectWhole(origin, name, image);
    },
  );
}
