import { expect } from 'vitest';
import { isStored } from './blobs.ts';
import { DOCKER, OCI } from './contents.ts';
import { startCredulousRegistry } from './credulous.ts';
import { request } from './http.ts';
import { type Blob, blobOf, type Image } from './image.ts';
import { loseImage } from './lost.ts';
import { startRegistry } from './registry.ts';

/** An image as a registry has it: some clients compress layers anew. Of its blobs only the size is known. */
export type StoredImage = Pick<Image, 'manifest' | 'config' | 'layers'>;

/** An origin that loses images behind the edge's back. */
export interface LosingOrigin {
  readonly url: string;
  /** Loses an image: its manifest, its tags, and its first layer. */
  lose(name: string, image: StoredImage): Promise<void>;
  /** Expects the registry to have all of the image, and never to have accepted it broken. */
  expectWhole(name: string, image: StoredImage): Promise<void>;
}

export const LOSING_ORIGINS: readonly { readonly what: string; start(): Promise<LosingOrigin> }[] = [
  { what: 'a registry that verifies manifests', start: startVerifying },
  { what: 'a registry that accepts whatever it is sent', start: startCredulous },
];

async function startVerifying(): Promise<LosingOrigin> {
  const registry = await startRegistry({ kind: 'registry' });
  return {
    url: registry.url,
    lose: (name, image) => loseImage(registry, name, image, 'one layer'),
    async expectWhole(name, image) {
      for (const { digest } of [image.config, ...image.layers]) {
        expect([digest, await isStored(registry, name, digest)]).toEqual([digest, true]);
      }
    },
  };
}

async function startCredulous(): Promise<LosingOrigin> {
  const registry = await startCredulousRegistry();
  return {
    url: registry.url,
    lose: async (name, { layers }) => registry.loseBlob(name, layers[0].digest),
    async expectWhole(name, image) {
      expect(registry.broken).toEqual([]);
      expect(registry.isWhole(name, image)).toBe(true);
    },
  };
}

/** Returns the image to which the tag `v1` leads. */
export async function storedImage(url: string, name: string): Promise<StoredImage> {
  const accept = `${OCI.manifest}, ${DOCKER.manifest}`;
  const { body } = await request('GET', `${url}/v2/${name}/manifests/v1`, { headers: { accept } });
  const { config, layers } = JSON.parse(body.toString()) as { config: Named; layers: readonly [Named, ...Named[]] };
  const [first, ...others] = layers;
  return { manifest: blobOf(body), config: blobNamed(config), layers: [blobNamed(first), ...others.map(blobNamed)] };
}

interface Named {
  readonly digest: string;
  readonly size: number;
}

function blobNamed({ digest, size }: Named): Blob {
  return { digest, bytes: Buffer.alloc(size) };
}
