import { inject } from 'vitest';
import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import { uniqueName } from './digests.ts';
import { createRig } from './rig.ts';

/** A blob that the rigged origin has, or is to receive, in a repository of its own. */
export interface Pushed {
  readonly name: string;
  readonly digest: Digest;
  readonly bytes: string;
  /** The path of the blob, at the edge or the origin. */
  readonly path: string;
  /** Counts the origin's requests in the repository. */
  asked(): Promise<number>;
  /** Lists the origin's requests in the repository, as `<method> <path>`. */
  questions(): Promise<string[]>;
}

export const rig = createRig(inject('originUrl'));

/** Pushes a blob to the origin, past the edge. */
export async function pushBlob(bytes: string = crypto.randomUUID(), name = uniqueName()): Promise<Pushed> {
  const uploads = `${inject('originUrl')}/v2/${name}/blobs/uploads/`;
  const response = await fetch(`${uploads}?digest=${await sha256(bytes)}`, { method: 'POST', body: bytes });
  if (response.status !== 201) throw new Error(`push: ${response.status}`);
  return blobOf(bytes, name);
}

/** Describes a blob of these bytes, wherever it is; the origin's requests are counted from now on. */
export async function blobOf(bytes: string, name: string, algorithm: keyof typeof HASHES = 'sha256'): Promise<Pushed> {
  const digest = await digestOf(bytes, algorithm);
  const path = `/v2/${name}/blobs/${digest}`;
  const before = (await rig.requests(`/v2/${name}/`)).length;
  const since = async () => (await rig.requests(`/v2/${name}/`)).slice(before);
  return {
    name,
    digest,
    bytes,
    path,
    asked: async () => (await since()).length,
    questions: async () => (await since()).map((request) => `${request.method} ${request.path}`),
  };
}

/**
 * Makes the origin hold its answer to the next HEAD of the blob, until `rig.release(blob.digest)`.
 * @param mediaType as the answer names it
 */
export async function holdHead({ path, digest, bytes }: Pushed, mediaType = 'application/octet-stream'): Promise<void> {
  const headers = { 'content-length': String(bytes.length), 'content-type': mediaType };
  await rig.rule({ prefix: path, method: 'HEAD', status: 200, headers, holdAs: digest, times: 1 });
}

const HASHES = { sha256: 'SHA-256', sha512: 'SHA-512' } as const;

export async function digestOf(text: string, algorithm: keyof typeof HASHES): Promise<Digest> {
  const hash = new Uint8Array(await crypto.subtle.digest(HASHES[algorithm], new TextEncoder().encode(text)));
  return parseDigest(`${algorithm}:${[...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`);
}

export function sha256(text: string): Promise<Digest> {
  return digestOf(text, 'sha256');
}
