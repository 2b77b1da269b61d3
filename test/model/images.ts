import { LAYER_TYPE } from '../support/commit.ts';
import { sha256 } from '../support/push.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../support/pushManifest.ts';
import type { Content } from './registry.ts';

export const BLOBS = 4;
export const MANIFESTS = 6;
const BLOB_TYPE = 'application/octet-stream';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const ARTIFACT_TYPE = 'application/vnd.oci.artifact.manifest.v1+json';

/** What may be pushed in one world: blobs, and manifests that need some of them. */
export interface Images {
  readonly blobs: readonly Content[];
  readonly manifests: readonly Content[];
}

/** @param seed makes them other content than that of any other world */
export async function makeImages(seed: string): Promise<Images> {
  const blobs = await Promise.all(
    Array.from({ length: BLOBS }, (_, n) => contentOf(`${seed} blob ${n} ${'x'.repeat(n)}`, BLOB_TYPE)),
  );
  const of = (n: number, mediaType = LAYER_TYPE) => {
    const { digest, bytes } = blobs[n] as Content;
    return { mediaType, digest, size: bytes.length };
  };
  const absent = { mediaType: OCI_MANIFEST, digest: await sha256(`${seed} absent`), size: 7 };
  const config = of(0, CONFIG_TYPE);
  const write = (mediaType: string, parts: object, needs: readonly number[]) =>
    contentOf(
      JSON.stringify({ schemaVersion: 2, mediaType, ...parts, annotations: { seed } }),
      mediaType,
      needs.map((n) => (blobs[n] as Content).digest),
    );
  const small = await write(OCI_MANIFEST, { config, layers: [of(1)] }, [0, 1]);
  const large = await write(OCI_MANIFEST, { config, layers: [of(1), of(2), of(3)] }, [0, 1, 2, 3]);
  const child = ({ digest, bytes }: Content) => ({ mediaType: OCI_MANIFEST, digest, size: bytes.length });
  const manifests = [
    small,
    large,
    // What may be absent by right: a layer with `urls`, one with its data, the subject.
    await write(
      OCI_MANIFEST,
      {
        config,
        layers: [
          { ...absent, mediaType: LAYER_TYPE, urls: ['https://elsewhere.test/layer'] },
          { ...absent, mediaType: LAYER_TYPE, data: 'eHh4eHh4eA==' },
        ],
        subject: absent,
      },
      [0],
    ),
    await write(ARTIFACT_TYPE, { blobs: [of(2), of(3)] }, [2, 3]),
    // BuildKit names the layers of its cache as the manifests of an index.
    await write(OCI_INDEX, { manifests: [of(1), of(3)] }, [1, 3]),
    await write(OCI_INDEX, { manifests: [child(small), child(large), absent] }, []),
  ];
  return { blobs, manifests };
}

async function contentOf(bytes: string, mediaType: string, needs: Content['needs'] = []): Promise<Content> {
  return { digest: await sha256(bytes), bytes, mediaType, needs };
}
