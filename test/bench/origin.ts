import { setTimeout } from 'node:timers/promises';
import { Content } from '../../local/origin/content.ts';
import { createRegistry } from '../../local/origin/registry.ts';
import { serveLocally } from '../../local/serve.ts';
import { atEnd } from '../e2e/support/cleanup.ts';
import { makeBlob } from '../e2e/support/image.ts';

const NAME = 'bench/warm';
const BLOB_BYTES = 1_234;
const PIECE_BYTES = 65_536;

export interface Origin {
  readonly url: string;
  /** The path of a blob that it has. */
  readonly path: string;
  /** The number of requests since the start. */
  requestCount(): number;
}

/** Starts the embedded registry with one blob, for rows that do not measure the origin. */
export async function startOrigin(): Promise<Origin> {
  const { paths, ...origin } = await startOriginOf(1, BLOB_BYTES);
  return { ...origin, path: paths[0] ?? '' };
}

/**
 * Starts the embedded registry with so many blobs of so many bytes.
 * @param bytesPerSecond how fast it sends; by default as fast as it can
 * @returns also their paths
 */
export async function startOriginOf(
  count: number,
  size: number,
  bytesPerSecond?: number,
): Promise<Omit<Origin, 'path'> & { readonly paths: readonly string[] }> {
  const content = new Content();
  const blobs = Array.from({ length: count }, (_, at) => makeBlob(`bench ${at}`, size));
  for (const { digest, bytes } of blobs) content.putBlob(NAME, digest, bytes);
  const registry = createRegistry(content);
  let requests = 0;
  const served = await serveLocally(async (request) => {
    requests++;
    const response = await registry.fetch(request);
    return bytesPerSecond === undefined ? response : slowed(response, bytesPerSecond);
  });
  atEnd(served.close);
  const paths = blobs.map(({ digest }) => `/v2/${NAME}/blobs/${digest}`);
  return { url: served.url, paths, requestCount: () => requests };
}

/** Lets a body through in pieces, each in its time. */
function slowed(response: Response, bytesPerSecond: number): Response {
  const startedAt = performance.now();
  let sent = 0;
  const paced = new TransformStream<Uint8Array, Uint8Array>({
    async transform(bytes, controller) {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        sent += piece.length;
        const dueMs = startedAt + (1_000 * sent) / bytesPerSecond - performance.now();
        if (dueMs > 0) await setTimeout(dueMs);
        controller.enqueue(piece);
      }
    },
  });
  return new Response(response.body?.pipeThrough(paced) ?? null, response);
}
