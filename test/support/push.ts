import { inject } from 'vitest';
import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import { someName } from './digests.ts';
import { rigOf } from './rig.ts';

/** A blob that the rigged origin holds, in a repository of its own. */
export interface Pushed {
  readonly name: string;
  readonly digest: Digest;
  readonly bytes: string;
  /** Of the blob, below the edge or the origin. */
  readonly path: string;
  /** How often the origin was asked about anything in the repository. */
  asked(): Promise<number>;
  /** What it was asked, one line a request. */
  questions(): Promise<string[]>;
}

export const rig = rigOf(inject('originUrl'));

/** Puts a blob into the origin, directly. */
export async function pushBlob(bytes: string = crypto.randomUUID(), name = someName()): Promise<Pushed> {
  const digest = await sha256(bytes);
  const uploads = `${inject('originUrl')}/v2/${name}/blobs/uploads/`;
  const response = await fetch(`${uploads}?digest=${digest}`, { method: 'POST', body: bytes });
  if (response.status !== 201) throw new Error(`push: ${response.status}`);
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

export async function sha256(text: string): Promise<Digest> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return parseDigest(`sha256:${[...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`);
}
