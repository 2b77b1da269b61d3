import { inject } from 'vitest';
import { type Pushed, pushBlob, rig } from './push.ts';
import type { Rule } from './rig.ts';

/** The rigged origin under another host name, to stand for object storage. */
export const STORAGE = inject('originUrl').replace('127.0.0.1', 'localhost');

/** A blob that is large enough to examine storage with. */
export const someContent = () => crypto.randomUUID().repeat(3);

/** A blob that the origin redirects to storage, and where. */
export interface StoredBlob extends Pushed {
  /** The path at the storage. */
  readonly at: string;
}

export interface Stored {
  readonly bytes?: string;
  readonly name?: string;
  /** Returns the path at the storage; by default it names the digest, as with most registries. */
  at?(digest: string): string;
  /** How the storage answers; by default with the blob. */
  readonly rule?: Partial<Rule>;
  /** How the origin redirects; by default with a page, as Go and Flask do. */
  readonly redirect?: Partial<Rule>;
}

/** Makes a folder of the storage, which nothing has been learnt of. */
export function someBucket(): (digest: string) => string {
  const folder = `/_store/${crypto.randomUUID()}`;
  return (digest) => `${folder}/blobs/${digest}`;
}

/** Pushes a blob to an origin that redirects HEAD and GET to storage. */
export async function pushToStorage({ bytes = someContent(), name, at = someBucket(), rule, redirect }: Stored = {}) {
  const blob = await pushBlob(bytes, name);
  const path = at(blob.digest);
  const headers = { 'content-length': String(bytes.length), 'content-type': 'binary/octet-stream' };
  await rig.rule({ prefix: path, status: 200, headers, body: bytes, ...rule });
  const location = `${STORAGE}${path}?X-Amz-Signature=abc`;
  for (const method of ['HEAD', 'GET']) {
    const page = { location, 'content-type': 'text/html; charset=utf-8' };
    await rig.rule({ prefix: blob.path, method, status: 307, headers: page, ...redirect });
  }
  return { ...blob, at: path } satisfies StoredBlob;
}
