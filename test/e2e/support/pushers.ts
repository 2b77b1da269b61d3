import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { type Outcome, runClient } from './command.ts';
import { containerd } from './containerd.ts';
import { docker } from './docker.ts';
import { LAYOUT_TAG } from './layout.ts';
import type { Pusher } from './pusher.ts';
import { skopeo as runSkopeo } from './skopeo.ts';

const deleteBySkopeo = (reference: string) => runSkopeo('delete', '--tls-verify=false', `docker://${reference}`);
export const skopeo: Pusher = {
  name: 'skopeo',
  pushesIndexes: true,
  push: ({ folder }, to) =>
    runSkopeo('copy', '--all', '--dest-tls-verify=false', `oci:${folder}:${LAYOUT_TAG}`, `docker://${to}`),
  copy: (_layout, from, to) => {
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    return runSkopeo('copy', '--all', ...plain, `docker://${from}`, `docker://${to}`);
  },
  deletes: { tagged: deleteBySkopeo, manifest: deleteBySkopeo },
};

const deleteByCrane = (reference: string) => runClient('crane', ['delete', '--insecure', reference]);
export const crane: Pusher = {
  name: 'crane',
  pushesIndexes: true,
  push: ({ folder }, to) => runClient('crane', ['push', '--insecure', folder, to]),
  copy: (_layout, from, to) => runClient('crane', ['copy', '--insecure', from, to]),
  deletes: { tag: deleteByCrane, manifest: deleteByCrane },
};

const deleteByOras = (what: 'manifest' | 'blob') => (reference: string) =>
  runClient('oras', [what, 'delete', '--plain-http', '--force', reference]);
export const oras: Pusher = {
  name: 'oras',
  pushesIndexes: true,
  push: ({ folder }, to) =>
    runClient('oras', ['cp', '--no-tty', '--to-plain-http', '--from-oci-layout', `${folder}:${LAYOUT_TAG}`, to]),
  copy: (_layout, from, to) => runClient('oras', ['cp', '--no-tty', '--from-plain-http', '--to-plain-http', from, to]),
  deletes: { tagged: deleteByOras('manifest'), manifest: deleteByOras('manifest'), blob: deleteByOras('blob') },
};

export const regctl: Pusher = {
  name: 'regctl',
  pushesIndexes: true,
  push: ({ folder }, to) => runRegctl([to], 'image', 'copy', `ocidir://${folder}:${LAYOUT_TAG}`, to),
  copy: (_layout, from, to) => runRegctl([from, to], 'image', 'copy', from, to),
  deletes: {
    tag: (reference) => runRegctl([reference], 'tag', 'delete', reference),
    tagged: (reference) => runRegctl([reference], 'manifest', 'delete', '--force-tag-dereference', reference),
    manifest: (reference) => runRegctl([reference], 'manifest', 'delete', reference),
    blob: (reference) => runRegctl([reference], 'blob', 'delete', ...reference.split('@')),
  },
};

/**
 * Every client that pushes: four programs, and two that are written here after the requests that docker and containerd
 * send.
 */
export const PUSHERS: readonly Pusher[] = [skopeo, crane, oras, regctl, docker, containerd];

/** regctl sends blobs larger than `blobMax` in chunks of `blobChunk` bytes, each with a `Content-Range`. */
const REGCTL_SIZES = { blobMax: 100_000, blobChunk: 80_000 };

async function runRegctl(references: readonly string[], ...args: string[]): Promise<Outcome> {
  const hosts = references.map((reference) => reference.split('/')[0] ?? '');
  const config = join(await temporaryFolder(), 'regctl.json');
  const settings = hosts.map((hostname) => [hostname, { hostname, tls: 'disabled', ...REGCTL_SIZES }]);
  await writeFile(config, JSON.stringify({ hosts: Object.fromEntries(settings) }));
  return runClient('regctl', args, { REGCTL_CONFIG: config });
}
