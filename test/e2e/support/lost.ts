import { expect } from 'vitest';
import { isStored } from './blobs.ts';
import { OCI } from './contents.ts';
import { request } from './http.ts';
import { descriptorOf, type Image, json } from './image.ts';
import { putManifest } from './manifests.ts';
import type { Registry } from './registry.ts';
import { expectPull } from './skopeo.ts';

/** What is lost in addition to the manifest and its tags: the first layer, or all blobs. */
export const LOSSES = ['one layer', 'all'] as const;
export type Loss = (typeof LOSSES)[number];

/**
 * Deletes an image at the registry, behind the edge's back, and collects the garbage. The registry is restarted, so
 * that it does not answer from its own memory.
 * @param headers credentials that may delete
 */
export async function loseImage(
  registry: Registry,
  name: string,
  { manifest, config, layers }: Pick<Image, 'manifest' | 'config' | 'layers'>,
  loss: Loss,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const [lost, ...others] = layers;
  const { url } = registry;
  if (loss === 'one layer') {
    const keeper = json({
      schemaVersion: 2,
      mediaType: OCI.manifest,
      config: descriptorOf(config, OCI.config),
      layers: others.map((layer) => descriptorOf(layer, OCI.layer)),
    });
    const target = { url, name, reference: keeper.digest };
    expect((await putManifest(target, { manifest: keeper, mediaType: OCI.manifest }, headers)).status).toBe(201);
  }
  for (const path of [`manifests/${manifest.digest}`, `blobs/${lost.digest}`]) {
    expect((await request('DELETE', `${url}/v2/${name}/${path}`, { headers })).status).toBe(202);
  }
  await registry.stop();
  await registry.collectGarbage();
  await registry.start();
  for (const { digest } of [config, ...others]) {
    expect(await isStored(registry, name, digest)).toBe(loss === 'one layer');
  }
  expect(await isStored(registry, name, lost.digest)).toBe(false);
}

/**
 * Expects that the registry has all of an image in its storage, whatever a cache says, and that it can be pulled there.
 * @param creds `name:password` for the registry
 */
export async function expectWhole(registry: Registry, name: string, image: Image, creds?: string): Promise<void> {
  const digests = [image.config, ...image.layers].map(({ digest }) => digest);
  for (const digest of digests) expect([digest, await isStored(registry, name, digest)]).toEqual([digest, true]);
  await expectPull(`${registry.host}/${name}:v1`, image, creds);
}
