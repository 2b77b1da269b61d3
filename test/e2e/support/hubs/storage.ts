import type { Blob } from '../image.ts';
import { type RecordingServer, startRecordingServer } from './recording.ts';

/** The object storage of a hub. */
export interface HubStorage extends RecordingServer {
  /** Returns the signed URL of a blob. */
  addressOf(digest: string): string;
}

/** Starts a storage that, as Docker Hub's does, answers 400 to whoever sends it an `Authorization`. */
export async function startHubStorage(blobs: readonly Blob[]): Promise<HubStorage> {
  const byDigest = new Map(blobs.map(({ digest, bytes }) => [digest, bytes]));
  const pathOf = (digest: string) => `/registry/v2/blobs/${digest.replace(':', '/')}/data`;
  const byPath = new Map([...byDigest].map(([digest, bytes]) => [pathOf(digest), bytes]));
  const server = await startRecordingServer(({ method, path, headers }, response) => {
    const url = new URL(path, 'http://storage');
    const bytes = byPath.get(url.pathname);
    if (headers.authorization !== undefined) return response.writeHead(400).end('only one way to authenticate');
    if (!bytes || url.searchParams.get('verify') !== 'signature') return response.writeHead(403).end();
    response.writeHead(200, { 'content-length': bytes.length, 'content-type': 'application/octet-stream' });
    return response.end(method === 'HEAD' ? undefined : bytes);
  }, 'localhost');
  return { ...server, addressOf: (digest) => `${server.url}${pathOf(digest)}?verify=signature` };
}
