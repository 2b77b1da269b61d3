import { expect } from 'vitest';
import { uniqueName } from './digests.ts';
import type { Edge } from './edge.ts';
import { blobOf, type Pushed, pushBlob, rig } from './push.ts';
import type { PushedManifest } from './pushManifest.ts';

/** The last request of an upload, as the edge was sent it. */
export type Sent = ReturnType<Edge['send']>;
/** Uploads a blob through the edge in one of the ways that clients use; every request has the given headers. */
export type Way = (edge: Edge, blob: Pushed, headers?: Record<string, string>) => Promise<Sent>;

/** Describes a blob that the origin does not have yet, in a repository that it has. */
export async function newBlob(bytes: string = crypto.randomUUID()): Promise<Pushed> {
  const { name } = await pushBlob();
  return blobOf(bytes, name);
}

/** Begins an upload. @returns the path of its session at the edge */
export async function openUpload(edge: Edge, { name }: Pushed, headers: Record<string, string> = {}): Promise<string> {
  const opened = await edge.fetch(`/v2/${name}/blobs/uploads/`, { method: 'POST', headers });
  expect(opened.status).toBe(202);
  return opened.headers.get('location') ?? '';
}

/** Returns the path of the PUT that completes an upload. */
export function withDigest(session: string, { digest }: Pick<Pushed, 'digest'>): string {
  return `${session}${session.includes('?') ? '&' : '?'}digest=${digest}`;
}

/** Returns a body with its Content-Length, as clients send it. */
export function withLength(
  bytes: string,
  headers: Record<string, string> = {},
): { body: string; headers: Record<string, string> } {
  const length = new TextEncoder().encode(bytes).length;
  return { body: bytes, headers: { 'content-length': String(length), ...headers } };
}

/** A POST, then a PUT with all of the bytes. */
export const byPut: Way = async (edge, blob, headers) => {
  const session = await openUpload(edge, blob, headers);
  return edge.send(withDigest(session, blob), { method: 'PUT', ...withLength(blob.bytes, headers) });
};

/** One POST with all of the bytes. */
export const byPost: Way = async (edge, { name, digest, bytes }, headers) =>
  edge.send(`/v2/${name}/blobs/uploads/?digest=${digest}`, { method: 'POST', ...withLength(bytes, headers) });

/** A POST, then a PUT without a Content-Length. */
export const byChunkedPut: Way = async (edge, blob, headers = {}) => {
  const session = await openUpload(edge, blob, headers);
  return edge.send(withDigest(session, blob), { method: 'PUT', body: blob.bytes, headers });
};

/** A POST, one PATCH without a Content-Length, as most clients send it, and an empty PUT. */
export const byPatch: Way = async (edge, blob, headers = {}) => {
  const session = await openUpload(edge, blob, headers);
  expect((await edge.fetch(session, { method: 'PATCH', body: blob.bytes, headers })).status).toBe(202);
  return edge.send(withDigest(session, blob), { method: 'PUT', ...withLength('', headers) });
};

/** A POST, two PATCHes, and a PUT with the last `left` bytes. */
const inPieces =
  (left: number): Way =>
  async (edge, blob, headers = {}) => {
    const session = await openUpload(edge, blob, headers);
    const patched = blob.bytes.length - left;
    for (const [from, to] of [[0, 3] as const, [3, patched] as const]) {
      const piece = withLength(blob.bytes.slice(from, to), headers);
      expect((await edge.fetch(session, { method: 'PATCH', ...piece })).status).toBe(202);
    }
    const last = withLength(blob.bytes.slice(patched), headers);
    return edge.send(withDigest(session, blob), { method: 'PUT', ...last });
  };
export const byPatches = inPieces(0);
export const byLastPiece = inPieces(5);

/** A mount from another repository that has the blob, and of which the edge knows nothing. */
export const byMount: Way = async (edge, blob, headers) =>
  mountFrom(edge, await pushBlob(blob.bytes, uniqueName()), blob, headers);

/** Mounts a blob from the repository of another one. */
export function mountFrom(
  edge: Edge,
  from: Pushed,
  { name, digest }: Pushed,
  headers: Record<string, string> = {},
): Sent {
  const query = `?mount=${digest}&from=${encodeURIComponent(from.name)}`;
  const init = { method: 'POST', headers: { 'content-length': '0', ...headers } };
  return edge.send(`/v2/${name}/blobs/uploads/${query}`, init);
}

/** Lists the methods of the origin's requests for the blob. */
export async function methodsAbout({ path }: Pick<Pushed, 'path'>): Promise<string[]> {
  return (await rig.requests(path)).map(({ method }) => method);
}

/** Lists the outcomes of the edge's write-backs so far. */
export function writeBacksOf({ log }: Edge): string[] {
  return log.flatMap((line) => {
    const { kind, outcome } = JSON.parse(line) as Record<string, string>;
    return kind === 'write-back' && outcome ? [outcome] : [];
  });
}

/** Returns the PUT of a manifest, as clients send it. */
export function putOf(
  { bytes, mediaType }: Pick<PushedManifest, 'bytes' | 'mediaType'>,
  headers: Record<string, string> = {},
) {
  return { method: 'PUT', ...withLength(bytes, { 'content-type': mediaType, ...headers }) };
}
