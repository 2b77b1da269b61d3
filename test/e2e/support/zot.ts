import { Content } from '../../../local/origin/content.ts';
import { createRegistry } from '../../../local/origin/registry.ts';
import { serveLocally } from '../../../local/serve.ts';
import { parseRoute, splitUrl } from '../../../src/oci/route.ts';
import { atEnd } from './cleanup.ts';

/**
 * What a registry says of a blob's media type. `echoed`: a HEAD says nothing, and a GET repeats the client's Accept,
 * as zot does. `stated by manifests`: what the manifest says that was pushed last and names the blob.
 */
export const BLOB_TYPES = ['echoed', 'stated by manifests'] as const;
export type BlobTypes = (typeof BLOB_TYPES)[number];

/** The content of a registry in which a manifest lives no longer than the tags that lead to it. */
class ZotContent extends Content {
  override putManifest(name: string, reference: string, bytes: Buffer, mediaType: string) {
    const before = this.open(name).tags.get(reference);
    const stored = super.putManifest(name, reference, bytes, mediaType);
    this.dropUntagged(name, before);
    return stored;
  }

  /** Removes a manifest from which a tag was taken, unless another tag leads to it. */
  dropUntagged(name: string, digest: string | undefined): void {
    const { tags, manifests } = this.open(name);
    if (digest !== undefined && ![...tags.values()].includes(digest)) manifests.delete(digest);
  }

  /** Returns the media type that a manifest states for a blob; of several manifests, the last one. */
  blobType(name: string, digest: string): string | undefined {
    const documents = [...this.open(name).manifests.values()].map(({ bytes }) => JSON.parse(bytes.toString('utf8')));
    const named = documents.flatMap(({ config, layers = [] }) => [config, ...layers]);
    return named.findLast((descriptor) => descriptor?.digest === digest)?.mediaType;
  }
}

/**
 * Starts a registry with the habits of zot that a cache could stumble over: a tag that moves or is deleted takes its
 * manifest along, and the media types of blobs are not always the same.
 * @returns its URL
 */
export async function startZot(blobTypes: BlobTypes): Promise<string> {
  const content = new ZotContent();
  const registry = createRegistry(content);
  const { url, close } = await serveLocally(async (request) => {
    const route = parseRoute(splitUrl(request.url));
    if (route.kind === 'manifest' && request.method === 'DELETE') {
      const before = content.open(route.name).tags.get(route.reference.text);
      const response = await registry.fetch(request);
      content.dropUntagged(route.name, before);
      return response;
    }
    const response = await registry.fetch(request);
    if (route.kind !== 'blob' || !response.ok) return response;
    const typed =
      blobTypes === 'stated by manifests' ? content.blobType(route.name, route.digest) : echoedType(request);
    if (typed === undefined) response.headers.delete('content-type');
    else response.headers.set('content-type', typed);
    return response;
  });
  atEnd(close);
  return url;
}

function echoedType({ method, headers }: Request): string | undefined {
  return method === 'HEAD' ? undefined : (headers.get('accept') ?? undefined);
}
