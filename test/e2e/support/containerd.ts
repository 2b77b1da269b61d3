import type { Content } from './contents.ts';
import { request } from './http.ts';
import type { Blob } from './image.ts';
import { type Pusher, parseReference, type Reference } from './pusher.ts';
import { expectStatus, onward, openUpload, putWhole } from './uploads.ts';
import { hasBlob, outcomeOf, putManifest, type Repository } from './wire.ts';

/**
 * containerd, on the wire: written from `core/remotes/docker/pusher.go`. Everything is asked for by HEAD before it is sent:
 * the platforms of an index by their digest, what names them all by its tag.
 */
export const containerd: Pusher = {
  name: 'containerd-style',
  pushesIndexes: true,
  push: (layout, to) => outcomeOf(push(layout, parseReference(to))),
  copy: (layout, from, to) => outcomeOf(push(layout, parseReference(to), parseReference(from).name)),
  deletes: {},
};

/** @param from the repository that containerd remembers the blobs from */
async function push(content: Content, target: Reference, from?: string): Promise<void> {
  await Promise.all(content.blobs.map((blob) => pushBlob(target, blob, from)));
  for (const child of content.children) await push(child, { ...target, reference: child.manifest.digest }, from);
  if (!(await hasManifest(target, content))) await putManifest(target, content);
}

async function pushBlob(target: Repository, blob: Blob, from?: string): Promise<void> {
  const { url, name } = target;
  if (await hasBlob(target, blob)) return;

  const mount = from ? { mount: blob.digest, from } : {};
  const opened = expectStatus(await openUpload(url, name, mount), 201, 202);
  if (opened.status === 201) return;
  const { digest, bytes } = blob;
  const put = expectStatus(await putWhole(onward(opened, url), digest, bytes.length, bytes), 201);
  const taken = put.headers['docker-content-digest'];
  if (taken !== digest) throw new Error(`${digest} was taken as ${taken}`);
}

async function hasManifest({ url, name, reference }: Reference, { manifest, mediaType }: Content): Promise<boolean> {
  const headers = { accept: `${mediaType}, */*` };
  const { status, headers: told } = expectStatus(
    await request('HEAD', `${url}/v2/${name}/manifests/${reference}`, { headers }),
    200,
    404,
  );
  return status === 200 && told['docker-content-digest'] === manifest.digest;
}
