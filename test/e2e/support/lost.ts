import { expect } from 'vitest';
import { isStored } from './blobs.ts';
import { OCI } from './contents.ts';
import { request } from './http.ts';
import { descriptorOf, type Image, json } from './image.ts';
import type { Registry } from './registry.ts';
import { pull, SUCCESS } from './skopeo.ts';
import { pulledTreeOf, treeOf } from './tree.ts';

/** What goes beside the manifest and its tags: the first layer, or all blobs. */
export const LOSSES = ['one layer', 'all'] as const;
export type Loss = (typeof LOSSES)[number];

/**
 * An image is lost at the registry, and nobody else is told: deleted there, collected as garbage, and the registry is
 * started anew, so that no memory of its own answers.
 * @param headers of one who may delete
 */
export async function lose(
  registry: Registry,
  name: string,
  { manifest, config, layers }: Image,
  loss: Loss,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const [lost, ...others] = layers;
  const at = `${registry.url}/v2/${name}`;
  if (loss === 'one layer') {
    const keeper = json({
      schemaVersion: 2,
      mediaType: OCI.manifest,
      config: descriptorOf(config, OCI.config),
      layers: others.map((layer) => descriptorOf(layer, OCI.layer)),
    });
    const sent = { headers: { ...headers, 'content-type': OCI.manifest }, body: keeper.bytes };
    expect((await request('PUT', `${at}/manifests/${keeper.digest}`, sent)).status).toBe(201);
  }
  for (const path of [`manifests/${manifest.digest}`, `blobs/${lost.digest}`]) {
    expect((await request('DELETE', `${at}/${path}`, { headers })).status).toBe(202);
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
 * The registry's storage has all of an image, whatever any cache says, and gives it to who asks there.
 * @param creds as `pull` takes them
 */
export async function isWhole(registry: Registry, name: string, image: Image, creds?: string): Promise<void> {
  const digests = [image.config, ...image.layers].map(({ digest }) => digest);
  for (const digest of digests) expect([digest, await isStored(registry, name, digest)]).toEqual([digest, true]);
  const pulled = await pull(`${registry.host}/${name}:v1`, creds);
  expect(pulled).toMatchObject(SUCCESS);
  expect(await treeOf(pulled.folder)).toMatchObject(pulledTreeOf(image));
}
