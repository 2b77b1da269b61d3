import type { Edge } from './edge.ts';
import { earnGrant } from './grant.ts';
import { type Pushed, pushBlob, rig } from './push.ts';
import { newManifest, OCI_MANIFEST, type PushedManifest } from './pushManifest.ts';
import { putOf } from './uploading.ts';

/** Longer than `PUSH_EXISTENCE_TTL` and shorter than `PUSH_STALE_WHILE_REVALIDATE`, by default. */
export const PAST_WINDOW_MS = 10 * 60_000;

export const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** An image whose blobs the origin has, and whose manifest it does not have yet. */
export interface NewImage {
  readonly blobs: readonly Pushed[];
  readonly manifest: PushedManifest;
}

export const descriptorOf = ({ digest, bytes }: Pick<Pushed, 'digest' | 'bytes'>, more: object = {}) => ({
  ...{ mediaType: LAYER_TYPE, digest, size: bytes.length },
  ...more,
});

/** Pushes a config and layers to the origin, past the edge, and makes a manifest that names them. */
export async function newImage(layers = 3): Promise<NewImage> {
  const first = await pushBlob();
  const others = await Promise.all(Array.from({ length: layers }, () => pushBlob(undefined, first.name)));
  const blobs = [first, ...others];
  return { blobs, manifest: await manifestNaming(blobs) };
}

/** Makes a manifest that names blobs of one repository: the first one as its config. */
export function manifestNaming(blobs: readonly Pushed[], more: object = {}): Promise<PushedManifest> {
  const [config, ...layers] = blobs.map((blob) => descriptorOf(blob));
  const bytes = JSON.stringify({
    ...{ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers },
    ...{ annotations: { id: crypto.randomUUID() }, ...more },
  });
  return newManifest({ name: blobs[0]?.name as string, bytes });
}

/** Sends a HEAD for each blob, one after the other. @returns the statuses */
export async function headEach(edge: Edge, blobs: readonly Pushed[], headers: Record<string, string> = {}) {
  const statuses: number[] = [];
  for (const { path } of blobs) statuses.push((await edge.fetch(path, { method: 'HEAD', headers })).status);
  return statuses;
}

/** Pushes the manifest through the edge. */
export const put = (edge: Edge, manifest: PushedManifest, headers: Record<string, string> = {}) =>
  edge.fetch(manifest.path, putOf(manifest, headers));

/** From now on the origin accepts every manifest in the repository, whatever it names. */
export const acceptAll = ({ name }: Pick<Pushed, 'name'>, digest = '') =>
  rig.rule({
    ...{ prefix: `/v2/${name}/manifests/`, method: 'PUT', status: 201 },
    headers: { 'docker-content-digest': digest },
  });

/** From now on the origin does not have the blob. */
export const lose = ({ path }: Pick<Pushed, 'path'>) => rig.rule({ prefix: path, method: 'HEAD', status: 404 });

/** Lets an edge have confirmed all blobs longer ago than its window, with a grant for its caller now. */
export async function confirmedLongAgo(edge: Edge, { blobs, manifest }: NewImage): Promise<void> {
  await headEach(edge, blobs);
  edge.clock.advance(PAST_WINDOW_MS);
  await earnGrant(edge, manifest);
}

/** Counts the origin's requests in a repository from now on: what each of them was, in any order. */
export async function watchOrigin({ name }: Pick<Pushed, 'name'>): Promise<() => Promise<string[]>> {
  const before = (await rig.requests(`/v2/${name}/`)).length;
  return async () => {
    const since = (await rig.requests(`/v2/${name}/`)).slice(before);
    return since.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`).sort();
  };
}
