import type { Digest } from '../oci/digest.ts';
import type { RedirectPolicy } from './redirect.ts';
import { placeOf, type StoragePlace } from './storagePlaces.ts';

/** What is known of the host to which the origin redirected a question. */
export interface StorageVerdict {
  /** Whether it is the origin's own storage. */
  readonly isFromStorage: boolean;
  /** Where the answer came from, if that may be the origin's storage, and nobody knows yet. */
  readonly place?: StoragePlace;
}

export interface StorageKnowledge {
  readonly redirects: RedirectPolicy;
  /** Whether the place was seen to give content of this origin that matches its digest. */
  isProven(place: StoragePlace): boolean;
}

const UNKNOWN: StorageVerdict = { isFromStorage: false };
/** Another registry, at the root of its host or below a path. It judges callers itself, and only there. */
const REGISTRY_PATH = /^\/+v2\/|\/v2\/.+\/(?:blobs|manifests)\//;

/**
 * Judges whether redirects led from the origin to its own storage. Where `REDIRECT_HOSTS` is set, they led nowhere
 * else. Otherwise only a place that the origin itself named counts: where a redirect's target redirects further, it
 * could be that target which decides, and not the origin.
 * @param trail the targets of the redirects, in their order
 */
export function judgeStorage(
  trail: readonly URL[],
  digest: Digest,
  { redirects, isProven }: StorageKnowledge,
): StorageVerdict {
  const [target, ...further] = trail;
  if (!target || trail.some(({ pathname }) => REGISTRY_PATH.test(pathname))) return UNKNOWN;
  if (redirects.hosts !== undefined) return { isFromStorage: true };
  if (further.length > 0) return UNKNOWN;
  const place = placeOf(target, digest);
  return isProven(place) ? { isFromStorage: true } : { isFromStorage: false, place };
}
