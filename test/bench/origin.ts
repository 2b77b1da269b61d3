import { Content } from '../../local/origin/content.ts';
import { createRegistry } from '../../local/origin/registry.ts';
import { serveLocally } from '../../local/serve.ts';
import { atEnd } from '../e2e/support/cleanup.ts';
import { makeBlob } from '../e2e/support/image.ts';

const NAME = 'bench/warm';
const BLOB_BYTES = 1_234;

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

/** Starts the embedded registry with so many blobs of so many bytes. @returns also their paths */
export async function startOriginOf(
  count: number,
  size: number,
): Promise<Omit<Origin, 'path'> & { readonly paths: readonly string[] }> {
  const content = new Content();
  const blobs = Array.from({ length: count }, (_, at) => makeBlob(`bench ${at}`, size));
  for (const { digest, bytes } of blobs) content.putBlob(NAME, digest, bytes);
  const registry = createRegistry(content);
  let requests = 0;
  const served = await serveLocally((request) => {
    requests++;
    return registry.fetch(request);
  });
  atEnd(served.close);
  const paths = blobs.map(({ digest }) => `/v2/${NAME}/blobs/${digest}`);
  return { url: served.url, paths, requestCount: () => requests };
}
