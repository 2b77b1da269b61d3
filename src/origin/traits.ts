import { BLOB_TYPE } from '../oci/mediaTypes.ts';
import { isFirstHand } from './confirmation.ts';

/** Properties of the origin that this isolate has observed in its answers to any caller. */
export interface Traits {
  /** The origin, or its storage, serves ranges of blobs. */
  readonly hasRanges: boolean;
  /** The origin gives a blob the media type that a manifest states for it, so a push of a manifest changes it (zot). */
  readonly typesBlobs: boolean;
  /**
   * Its HEADs of manifests do not state their media types (Artifactory), so a GET does not predict what a HEAD states.
   */
  readonly hidesManifestTypes: boolean;
  /** Callers without a credential may delete. */
  readonly allowsAnonymousDeletes: boolean;
  /** Observes an answer about a blob. @param isOwn whether the origin itself answered, and not its storage */
  noteBlob(method: string, response: Response, isOwn: boolean): void;
  /** Observes the origin's own answer to a HEAD of a manifest. */
  noteManifest(response: Response): void;
  /** Observes that a caller without a credential has deleted something. */
  noteAnonymousDelete(): void;
}

/** The media types that servers state for content of any kind. */
const GENERIC_TYPES = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'text/plain']);

export function createTraits(): Traits {
  let hasRanges = false;
  let typesBlobs = false;
  let hidesManifestTypes = false;
  let allowsAnonymousDeletes = false;
  return {
    get hasRanges() {
      return hasRanges;
    },
    get typesBlobs() {
      return typesBlobs;
    },
    get hidesManifestTypes() {
      return hidesManifestTypes;
    },
    get allowsAnonymousDeletes() {
      return allowsAnonymousDeletes;
    },
    noteAnonymousDelete() {
      allowsAnonymousDeletes = true;
    },
    noteManifest(response) {
      const [mediaType = ''] = (response.headers.get('content-type') ?? '').split(';');
      if (response.status === 200 && GENERIC_TYPES.has(mediaType) && isFirstHand(response)) hidesManifestTypes = true;
    },
    noteBlob(method, response, isOwn) {
      const { status, headers } = response;
      if (status === 206 || (status === 200 && headers.get('accept-ranges') === 'bytes')) hasRanges = true;
      const mediaType = headers.get('content-type') ?? BLOB_TYPE;
      // The Content-Type of a GET may repeat the client's Accept.
      const isTyped = method === 'HEAD' && status === 200 && mediaType !== BLOB_TYPE;
      if (isOwn && isTyped && isFirstHand(response)) typesBlobs = true;
    },
  };
}
