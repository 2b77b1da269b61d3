import { createHash } from 'node:crypto';
import { Content } from '../../origin/content.ts';
import { createRegistry } from '../../origin/registry.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const TAG = 'latest';

/** A blob of a few bytes. */
interface SmallBlob {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** The origin of a simulation: the embedded registry, to which pushes go past the edge. */
export class SimulatedRegistry {
  readonly #content = new Content();
  readonly #registry = createRegistry(this.#content);
  readonly #layers: number;
  /** How many requests it has answered. */
  requests = 0;

  /** @param layers of each image */
  constructor(layers: number) {
    this.#layers = layers;
  }

  /** Stands in for the network. */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    this.requests += 1;
    const { method = 'GET', headers } = init ?? {};
    return this.#registry.fetch(new Request(String(input), { method, ...(headers && { headers }) }));
  };

  /** Returns the blobs of a version of an image: the config and the layers. The first and the last are its own. */
  blobsOf(name: string, version: number): readonly SmallBlob[] {
    return Array.from({ length: this.#layers + 1 }, (_, at) => {
      const isOwn = at === 0 || at === this.#layers;
      const bytes = Buffer.from(`${name} ${at} ${isOwn ? version : ''}`);
      return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
    });
  }

  /** Puts a version of an image into the registry, and moves the tag to it. */
  push(name: string, version: number): void {
    const blobs = this.blobsOf(name, version);
    for (const { digest, bytes } of blobs) this.#content.putBlob(name, digest, bytes);
    const [config, ...layers] = blobs.map(({ digest, bytes }, at) => {
      const kind = at === 0 ? 'config.v1+json' : 'layer.v1.tar+gzip';
      return { mediaType: `application/vnd.oci.image.${kind}`, digest, size: bytes.length };
    });
    const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers };
    this.#content.putManifest(name, TAG, Buffer.from(JSON.stringify(manifest)), MANIFEST);
  }
}
