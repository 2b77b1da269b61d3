import type { Outcome } from './command.ts';
import type { Content } from './contents.ts';
import { request } from './http.ts';
import type { Blob } from './image.ts';
import { putManifest } from './manifests.ts';
import type { Reference } from './pusher.ts';
import { expectStatus } from './uploads.ts';

/** Steps that the clients written here have in common. */

/** A repository of a registry. */
export type Repository = Pick<Reference, 'url' | 'name'>;

/** Turns work into the outcome that a program would have. */
export function outcomeOf(work: Promise<unknown>): Promise<Outcome> {
  return work.then(
    () => ({ code: 0, output: '' }),
    (error) => ({ code: 1, output: String(error) }),
  );
}

/**
 * Asks by HEAD whether a blob exists.
 * @throws Error the answer is neither a 200 with the blob's size nor a 404
 */
export async function hasBlob({ url, name }: Repository, { digest, bytes }: Blob): Promise<boolean> {
  const { status, headers } = expectStatus(await request('HEAD', `${url}/v2/${name}/blobs/${digest}`), 200, 404);
  if (status === 404) return false;
  const size = headers['content-length'];
  if (size === String(bytes.length)) return true;
  throw new Error(`${digest} has ${bytes.length} bytes, but the answer says ${size}`);
}

/**
 * Pushes a manifest.
 * @throws Error the registry refuses it, or stores it under another digest
 */
export async function pushManifest(target: Reference, content: Content): Promise<void> {
  const { digest } = content.manifest;
  const { headers } = expectStatus(await putManifest(target, content), 201);
  const stored = headers['docker-content-digest'];
  if (stored !== digest) throw new Error(`the registry stored ${digest} as ${stored}`);
}
