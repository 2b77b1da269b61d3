import type { Content } from './contents.ts';
import { request } from './http.ts';
import type { Blob } from './image.ts';
import { type Pusher, parseReference, type Reference } from './pusher.ts';
import { expectStatus, locationOf, openUpload, putWhole } from './uploads.ts';
import { hasBlob, outcomeOf, pushManifest, type Repository } from './wire.ts';

/**
 * Sends the requests that containerd sends, after its `core/remotes/docker/pusher.go`: a HEAD before everything that it
 * would push, of an index's platforms by digest and of the index itself by tag.
 */
export const containerd: Pusher = {
  name: 'containerd-style',
  pushesIndexes: true,
  push: (layout, to) => outcomeOf(push(layout, parseReference(to))),
  copy: (layout, from, to) => outcomeOf(push(layout, parseReference(to), parseReference(from).name)),
  deletes: {},
};

/** @param from the repository that containerd knows to have the blobs */
async function push(content: Content, target: Reference, from?: string): Promise<void> {
  await Promise.all(content.blobs.map((blob) => pushBlob(target, blob, from)));
  for (const child of content.children) await push(child, { ...target, reference: child.manifest.digest }, from);
  if (!(await hasManifest(target, content))) await pushManifest(target, content);
}

async function pushBlob(target: Repository, blob: Blob, from?: string): Promise<void> {
  const { url, name } = target;
  if (await hasBlob(target, blob)) return;

  const mount = from ? { mount: blob.digest, from } : {};
  const opened = expectStatus(await openUpload(url, name, mount), 201, 202);
  if (opened.status === 201) return;
  const { digest, bytes } = blob;
  const put = expectStatus(await putWhole(locationOf(opened, url), digest, bytes.length, bytes), 201);
  const stored = put.headers['docker-content-digest'];
  if (stored !== digest) throw new Error(`the registry stored ${digest} as ${stored}`);
}

async function hasManifest({ url, name, reference }: Reference, { manifest, mediaType }: Content): Promise<boolean> {
  const sent = { headers: { accept: `${mediaType}, */*` } };
  const { status, headers } = expectStatus(
    await request('HEAD', `${url}/v2/${name}/manifests/${reference}`, sent),
    200,
    404,
  );
  return status === 200 && headers['docker-content-digest'] === manifest.digest;
}
