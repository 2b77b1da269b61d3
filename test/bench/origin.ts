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
  const content = new Content();
  const { digest, bytes } = makeBlob('bench', BLOB_BYTES);
  content.putBlob(NAME, digest, bytes);
  const registry = createRegistry(content);
  let count = 0;
  const served = await serveLocally((request) => {
    count++;
    return registry.fetch(request);
  });
  atEnd(served.close);
  return { url: served.url, path: `/v2/${NAME}/blobs/${digest}`, requestCount: () => count };
}
