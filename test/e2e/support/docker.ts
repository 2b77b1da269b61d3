import type { Content } from './contents.ts';
import { request } from './http.ts';
import type { Blob } from './image.ts';
import { type Pusher, parseReference } from './pusher.ts';
import { expectStatus, finish, locationOf, openUpload, patchStreamed } from './uploads.ts';
import { hasBlob, outcomeOf, pushManifest, type Repository } from './wire.ts';

/**
 * Sends the requests that docker sends with its classic image store, after moby's `distribution/push_v2.go` and the
 * client of distribution that it uses: all layers at the same time, then the config, then the manifest by tag.
 */
export const docker: Pusher = {
  name: 'docker-style',
  pushesIndexes: false,
  push: (layout, to) => outcomeOf(push(layout, to)),
  copy: (layout, from, to) => outcomeOf(push(layout, to, parseReference(from).name)),
  deletes: {},
};

/** @param from a repository that is known to have the layers */
async function push(content: Content, to: string, from?: string): Promise<void> {
  const target = parseReference(to);
  const [config, ...layers] = content.blobs;
  expectStatus(await request('GET', `${target.url}/v2/`), 200);
  await Promise.all(layers.map((layer) => pushBlob(target, layer, from)));
  if (config) await pushBlob(target, config);
  await pushManifest(target, content);
}

/** Asks for the blob, mounts or uploads it, and asks again: what was committed or mounted has to be there. */
async function pushBlob(target: Repository, blob: Blob, from?: string): Promise<void> {
  const { url, name } = target;
  if (await hasBlob(target, blob)) return;

  const mount = from ? { mount: blob.digest, from } : {};
  const opened = expectStatus(await openUpload(url, name, mount), 201, 202);
  if (opened.status === 202) {
    if (!opened.headers['docker-upload-uuid']) throw new Error('the answer to POST has no Docker-Upload-UUID');
    const sent = expectStatus(await patchStreamed(locationOf(opened, url), blob.bytes), 202);
    // docker reads from the answer how much has arrived.
    const { range } = sent.headers;
    if (range !== `0-${blob.bytes.length - 1}`)
      throw new Error(`after ${blob.bytes.length} bytes the Range is ${range}`);
    expectStatus(await finish(locationOf(sent, url), blob.digest), 201);
  }
  if (!(await hasBlob(target, blob))) throw new Error(`${blob.digest} is absent after its upload`);
}
