import { expect, it } from 'vitest';
import { acceptAll, confirmedLongAgo, descriptorOf, lose, newImage, put, watchOrigin } from '../support/commit.ts';
import { uniqueDigest } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { type Pushed, pushBlob } from '../support/push.ts';
import { newManifest, OCI_INDEX, OCI_MANIFEST } from '../support/pushManifest.ts';

const absent = (mediaType: string, more: object = {}) => ({ mediaType, digest: uniqueDigest(), size: 7, ...more });

/** Manifests that may name what the registry does not have. */
const GOOD: [what: string, manifest: () => object][] = [
  ['with a subject that is absent', () => ({ mediaType: OCI_MANIFEST, layers: [], subject: absent(OCI_MANIFEST) })],
  [
    'that is an index without all of its platforms',
    () => ({ mediaType: OCI_INDEX, manifests: [absent(OCI_MANIFEST), absent(OCI_MANIFEST)] }),
  ],
  [
    'with foreign layers',
    () => ({
      mediaType: OCI_MANIFEST,
      layers: [
        absent('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
        absent('application/vnd.oci.image.layer.v1.tar', { urls: ['https://layers.example.com/one'] }),
      ],
    }),
  ],
  [
    'with embedded content',
    () => ({
      mediaType: OCI_MANIFEST,
      config: absent('application/vnd.oci.empty.v1+json', { data: 'e30=' }),
      layers: [absent('text/plain', { data: 'YQ==' })],
    }),
  ],
];

it.each(GOOD)('a manifest goes on without a question: one %s', async (_what, manifestOf) => {
  const { name } = await pushBlob();
  const edge = createEdge();
  await earnGrant(edge, { name });
  const bytes = JSON.stringify({ schemaVersion: 2, ...manifestOf(), annotations: { id: crypto.randomUUID() } });
  const manifest = await newManifest({ name, bytes });
  await acceptAll({ name }, manifest.digest);
  const asked = await watchOrigin({ name });
  expect((await put(edge, manifest)).status).toBe(201);
  expect(await asked()).toEqual([`PUT ${manifest.digest}`]);
});

it('an index that names blobs, as BuildKit writes for its cache, is refused if one of them is gone', async () => {
  const image = await newImage();
  const { blobs } = image;
  const [name, lost] = [image.manifest.name, blobs[2] as Pushed];
  const edge = createEdge();
  await confirmedLongAgo(edge, image);
  const manifests = blobs.map((blob) => descriptorOf(blob));
  const bytes = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  const manifest = await newManifest({ name, bytes, mediaType: OCI_INDEX });
  await acceptAll({ name }, manifest.digest);
  expect((await put(edge, manifest)).status).toBe(201);

  await confirmedLongAgo(edge, image);
  await lose(lost);
  expect((await put(edge, manifest)).status).toBe(400);
});
