import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { type BuildKit, startBuildKit } from './support/buildkit.ts';
import { SUCCESS } from './support/command.ts';
import { OCI } from './support/contents.ts';
import { type CredulousRegistry, startCredulousRegistry } from './support/credulous.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { request } from './support/http.ts';
import { describeWith } from './support/tools.ts';

const WINDOW_MS = 1_000;
const NAME = 'team/cache';
const FILES = ['one', 'two', 'three'];

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly mediaType: string }[];
}

describeWith(['buildctl', 'buildkitd'], 'the cache of BuildKit, an index that names layers as its manifests', () => {
  let registry: CredulousRegistry;
  let edge: Edge;
  let buildKit: BuildKit;
  beforeAll(async () => {
    registry = await startCredulousRegistry();
    edge = await startEdge({ origin: registry.url, backend: 'durable', variables: { PUSH_EXISTENCE_TTL: '1s' } });
    buildKit = await startBuildKit(edge.host);
  });
  const exportCache = () => buildKit.exportCache(FILES, `${edge.host}/${NAME}:v1`);
  async function index(): Promise<Index> {
    const { body } = await request('GET', `${registry.url}/v2/${NAME}/manifests/v1`, {
      headers: { accept: OCI.index },
    });
    return JSON.parse(body.toString());
  }

  test('is exported, and once more when what is known of its layers is older than the window', async () => {
    expect(await exportCache()).toMatchObject(SUCCESS);
    const { manifests } = await index();
    expect(manifests.filter(({ mediaType }) => mediaType.includes('layer'))).toHaveLength(FILES.length);
    await delay(WINDOW_MS);
    expect(await exportCache()).toMatchObject(SUCCESS);
    expect((await index()).manifests).toHaveLength(manifests.length);
  });

  test('is never accepted without a layer that was lost longer than the window ago, and whole in two attempts', async () => {
    const [layer] = (await index()).manifests;
    registry.loseBlob(NAME, layer?.digest ?? '');
    await delay(WINDOW_MS);
    const first = await exportCache();
    // It asked for the layers first, and was told that all of them exist.
    expect(first.code).not.toBe(0);
    expect(first.output).toContain('the manifest names content that is not in the repository');
    expect(await exportCache()).toMatchObject(SUCCESS);
    for (const { digest } of (await index()).manifests)
      expect([digest, registry.hasBlob(NAME, digest)]).toEqual([digest, true]);
    expect(registry.broken).toEqual([]);
  });
});
