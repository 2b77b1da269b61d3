import { Content } from '../../local/origin/content.ts';
import { createRegistry } from '../../local/origin/registry.ts';
import { serveLocally } from '../../local/serve.ts';
import { atEnd } from '../e2e/support/cleanup.ts';
import { makeBlob } from '../e2e/support/image.ts';

const NAME = 'bench/warm';
const BLOB_BYTES = 1_234;

export interface Origin {
  readonly url: string;
  /** Of a blob that it holds. */
  readonly path: string;
  /** How often it was asked anything since the start. */
  asked(): number;
}

/** The embedded registry with one blob: for rows in which the origin is not what is measured. */
export async function startOrigin(): Promise<Origin> {
  const content = new Content();
  const { digest, bytes } = makeBlob('bench', BLOB_BYTES);
  content.putBlob(NAME, digest, bytes);
  const registry = createRegistry(content);
  let asked = 0;
  const served = await serveLocally((request) => {
    asked++;
    return registry.fetch(request);
  });
  atEnd(served.close);
  return { url: served.url, path: `/v2/${NAME}/blobs/${digest}`, asked: () => asked };
}
