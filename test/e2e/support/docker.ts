import type { Content } from './contents.ts';
import { request } from './http.ts';
import type { Blob } from './image.ts';
import { type Pusher, parseReference } from './pusher.ts';
import { expectStatus, finish, onward, openUpload, patchStreamed } from './uploads.ts';
import { hasBlob, outcomeOf, putManifest, type Repository } from './wire.ts';

/**
 * docker with its classic image store, on the wire: written from `distribution/push_v2.go` of moby and the client in
 * distribution that it uses. The layers go at once, then the config, then the manifest by its tag.
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
  await putManifest(target, content);
}

/** Asks, mounts or uploads, and asks again: what was committed or mounted has to be there. */
async function pushBlob(target: Repository, blob: Blob, from?: string): Promise<void> {
  const { url, name } = target;
  if (await hasBlob(target, blob)) return;

  const mount = from ? { mount: blob.digest, from } : {};
  const opened = expectStatus(await openUpload(url, name, mount), 201, 202);
  if (opened.status === 202) {
    if (!opened.headers['docker-upload-uuid']) throw new Error('a session without a Docker-Upload-UUID');
    const sent = expectStatus(await patchStreamed(onward(opened, url), blob.bytes), 202);
    // How much was sent is read from the answer.
    const { range } = sent.headers;
    if (range !== `0-${blob.bytes.length - 1}`) throw new Error(`${blob.bytes.length} bytes were taken as ${range}`);
    expectStatus(await finish(onward(sent, url), blob.digest), 201);
  }
  if (!(await hasBlob(target, blob))) throw new Error(`${blob.digest} is not there after its upload`);
}
