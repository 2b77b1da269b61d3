import type { RequestContext } from '../../context.ts';
import { childrenOf, isWanted } from '../../oci/children.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Image } from '../../oci/image.ts';
import { neededBlobs } from '../../oci/neededBlobs.ts';
import { errorName } from '../../telemetry/log.ts';
import type { Upstream } from '../upstream.ts';
import type { Counts } from './counts.ts';
import { WarmReader } from './reader.ts';

/** How far the work has come: in the images, in the manifests of an image, and in the blobs of a manifest. */
export interface Position {
  readonly image: number;
  readonly manifest: number;
  readonly blob: number;
}

export interface Warming {
  readonly images: readonly Image[];
  /** None: all. */
  readonly platforms: readonly string[];
  readonly from: Position;
}

/** What one request has done. */
export interface Warmed {
  readonly counts: Counts;
  /** The images that could not be warmed, and why. */
  readonly errors: readonly { readonly image: number; readonly error: string }[];
  /** Where to go on; absent at the end. */
  readonly next?: Position;
  /** For how long the origin wants no further request; seconds, or a date (RFC 9110 §10.2.3). */
  readonly retryAfter?: string;
}

type InImage = Omit<Position, 'image'>;
const BEGINNING: InImage = { manifest: 0, blob: 0 };

/**
 * Asks for images as a caller who only pulls would, so that the next one is answered from the cache: a piece of the
 * work that costs at most 40 subrequests. What an earlier piece asked for is looked up again, and known.
 * @param upstream as it is for callers who only pull
 */
export async function warm(ctx: RequestContext, upstream: Upstream, warming: Warming): Promise<Warmed> {
  const reader = new WarmReader(ctx, upstream);
  const errors: { image: number; error: string }[] = [];
  const { counts } = reader;
  let at: InImage = warming.from;
  for (const [image, named] of [...warming.images.entries()].slice(warming.from.image)) {
    try {
      const next = await warmImage(reader, { image: named, platforms: warming.platforms, at });
      if (next) return { counts, errors, next: { image, ...next } };
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'TOOMANYREQUESTS') {
        return { counts, errors, next: { image, ...at }, retryAfter: error.headers['Retry-After'] ?? '60' };
      }
      reader.skip();
      errors.push({ image, error: error instanceof RegistryError ? error.message : errorName(error) });
    }
    at = BEGINNING;
  }
  return { counts, errors };
}

interface ImageWork {
  readonly image: Image;
  readonly platforms: readonly string[];
  readonly at: InImage;
}

/** Warms one image. @returns where to go on; `undefined`: it is done */
async function warmImage(reader: WarmReader, { image, platforms, at }: ImageWork): Promise<InImage | undefined> {
  const top = await reader.manifest(image);
  if (!top) return at;
  const children = childrenOf(top.content)?.filter(({ platform }) => isWanted(platform, platforms));
  if (children?.length === 0)
    throw new RegistryError('MANIFEST_UNKNOWN', { message: 'the image has none of the platforms' });
  const references = children ? children.map(({ digest }) => ({ kind: 'digest', text: digest }) as const) : [undefined];
  for (const [manifest, reference] of [...references.entries()].slice(at.manifest)) {
    const from = manifest === at.manifest ? at.blob : 0;
    const entry = reference ? await reader.manifest({ name: image.name, reference }) : top;
    if (!entry) return { manifest, blob: from };
    const digests = neededBlobs(entry.content).map(({ digest }) => digest);
    const done = from + (await reader.blobs(image.name, digests.slice(from)));
    if (done < digests.length) return { manifest, blob: done };
    reader.finish(entry);
  }
  if (children) reader.finish(top);
  return undefined;
}
