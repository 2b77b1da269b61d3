import type { Outcome } from './command.ts';
import type { Content } from './contents.ts';
import { request } from './http.ts';
import type { Blob } from './image.ts';
import type { Reference } from './pusher.ts';
import { expectStatus } from './uploads.ts';

/** What clients that are written here have in common. */

/** A repository of a registry. */
export type Repository = Pick<Reference, 'url' | 'name'>;

/** Ends as a program would. */
export function outcomeOf(work: Promise<unknown>): Promise<Outcome> {
  return work.then(
    () => ({ code: 0, output: '' }),
    (error) => ({ code: 1, output: String(error) }),
  );
}

/**
 * Asks whether a blob is there.
 * @throws Error the answer is neither 200, with the size, nor 404
 */
export async function hasBlob({ url, name }: Repository, { digest, bytes }: Blob): Promise<boolean> {
  const { status, headers } = expectStatus(await request('HEAD', `${url}/v2/${name}/blobs/${digest}`), 200, 404);
  if (status === 404) return false;
  const size = headers['content-length'];
  if (size === String(bytes.length)) return true;
  throw new Error(`${digest} has ${bytes.length} bytes and not ${size}`);
}

/** @throws Error it is not taken, or under another digest */
export async function putManifest({ url, name, reference }: Reference, { manifest, mediaType }: Content) {
  const { digest, bytes } = manifest;
  const headers = { 'content-type': mediaType, 'content-length': String(bytes.length) };
  const path = `${url}/v2/${name}/manifests/${reference}`;
  const answer = expectStatus(await request('PUT', path, { headers, body: bytes }), 201);
  const taken = answer.headers['docker-content-digest'];
  if (taken !== digest) throw new Error(`${digest} was taken as ${taken}`);
}
