import { beforeAll, expect, test } from 'vitest';
import { OCI } from './support/contents.ts';
import { type Edge, startEdges } from './support/edge.ts';
import { ask, HIT, NOT_FOUND, pathsOf, warm } from './support/hits.ts';
import { makeImage } from './support/image.ts';
import { expectWhole, LOSSES, loseImage } from './support/lost.ts';
import { putManifest } from './support/manifests.ts';
import { startRedisFor } from './support/redis.ts';
import { type Registry, type RegistryKind, startRegistry, USER_CREDS, USER_HEADERS } from './support/registry.ts';
import { expectPush, push } from './support/skopeo.ts';
import { describeWith, toolsOf } from './support/tools.ts';

interface Setup {
  readonly kind: RegistryKind;
  /** The KV on disk does not lag; deployed, KV lags for a minute or more. */
  readonly backend: 'durable' | 'kv' | 'redis';
  readonly guarded: boolean;
}

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'redis', guarded: false },
  { kind: 'registry', backend: 'redis', guarded: true },
  { kind: 'docker-registry', backend: 'kv', guarded: true },
  { kind: 'registry', backend: 'durable', guarded: false },
];
/** Whether the caller has a grant at A, or is new there when it pushes the manifest. */
const CALLERS = ['a caller with a grant', 'a new caller'] as const;
const CASES = CALLERS.flatMap((who) => LOSSES.map((loss) => ({ who, loss })));
const UNKNOWN_CODE = expect.stringMatching(/^(?:MANIFEST_BLOB|BLOB|MANIFEST)_UNKNOWN$/);

for (const setup of SETUPS) {
  const { kind, backend, guarded } = setup;
  const title = `${kind}${guarded ? ' with a login' : ''}, BLOBDESCRIPTOR=${backend}: two edges, A and B, with one store`;
  describeWith([kind, 'skopeo', ...toolsOf(backend)], title, () => twoEdges(setup));
}

function twoEdges({ kind, backend, guarded }: Setup): void {
  const creds = guarded ? USER_CREDS : undefined;
  const caller = guarded ? USER_HEADERS : {};
  let origin: Registry;
  let a: Edge;
  let b: Edge;
  beforeAll(async () => {
    origin = await startRegistry({ kind, guarded });
    const options = { origin: origin.url, backend, redis: await startRedisFor(backend) };
    [a, b] = (await startEdges(options, [{}, {}])) as [Edge, Edge];
  });

  test.for(CASES)(
    'lost: $loss; the push of $who is refused through A, and a retry through B succeeds',
    async (retry) => {
      const { who, loss } = retry;
      const name = `team/${who} ${loss}`.replaceAll(' ', '-');
      const warmEdges = who === 'a new caller' ? [b] : [a, b];
      const image = await makeImage(`two edges ${who} ${loss} ${kind} ${backend}`);
      await expectPush(image, `${origin.host}/${name}:v1`, creds);
      for (const edge of warmEdges) await warm(edge, pathsOf(name, image), caller);
      await loseImage(origin, name, image, loss, caller);
      const layer = `/v2/${name}/blobs/${image.layers[0].digest}`;
      for (const { url } of warmEdges) expect(await ask(url + layer, caller)).toEqual(HIT);

      const target = { url: a.url, name, reference: 'v1' };
      const refused = await putManifest(target, { manifest: image.manifest, mediaType: OCI.manifest }, caller);
      const layerAtB = await ask(b.url + layer, caller);

      expect(refused.status).toBeGreaterThanOrEqual(400);
      expect(JSON.parse(refused.body.toString()).errors).toContainEqual(
        expect.objectContaining({ code: UNKNOWN_CODE }),
      );
      const isProven = who === 'a caller with a grant' || loss === 'one layer';
      if (isProven) {
        expect(layerAtB).toEqual(NOT_FOUND);
        // For a client that asks for the manifest first, as oras does, that is a 404 as well.
        expect(await ask(`${b.url}/v2/${name}/manifests/${image.manifest.digest}`, caller)).toEqual(NOT_FOUND);
      } else {
        // Nothing that the origin has left proves to A that the caller may read there: B, where it has a grant, finds
        // out.
        expect((await push(image.source, `${b.host}/${name}:v1`, creds)).code).not.toBe(0);
      }
      await expectPush(image, `${b.host}/${name}:v1`, creds);
      await expectWhole(origin, name, image, creds);
    },
  );
}
