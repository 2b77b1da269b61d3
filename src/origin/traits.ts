import { BLOB_TYPE } from '../oci/mediaTypes.ts';
import { isFirstHand } from './confirmation.ts';

/** What this isolate has seen of how the origin answers, whoever asks and whatever for. */
export interface Traits {
  /** It, or its storage, gives parts of blobs. */
  readonly hasRanges: boolean;
  /** It tells a blob's media type by the manifest that names it, so that a pushed manifest changes it (zot). */
  readonly typesBlobs: boolean;
  /** Its HEADs of manifests tell no manifest's media type (Artifactory), so that a GET says nothing of what a HEAD would. */
  readonly hidesManifestTypes: boolean;
  /** It lets callers without a credential delete. */
  readonly allowsAnonymousDeletes: boolean;
  /** @param isOwn the origin itself answered, and not its storage */
  noteBlob(method: string, response: Response, isOwn: boolean): void;
  /** @param response the origin's own, to a HEAD */
  noteManifest(response: Response): void;
  /** A caller without a credential has deleted something. */
  noteAnonymousDelete(): void;
}

/** What servers say of content that they do not know. */
const OF_ANYTHING = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'text/plain']);

export function createTraits(): Traits {
  let hasRanges = false;
  let typesBlobs = false;
  let hidesManifestTypes = false;
  let takesAnonymousDeletes = false;
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
      return takesAnonymousDeletes;
    },
    noteAnonymousDelete() {
      takesAnonymousDeletes = true;
    },
    noteManifest(response) {
      const [mediaType = ''] = (response.headers.get('content-type') ?? '').split(';');
      if (response.status === 200 && OF_ANYTHING.has(mediaType) && isFirstHand(response)) hidesManifestTypes = true;
    },
    noteBlob(method, response, isOwn) {
      const { status, headers } = response;
      if (status === 206 || (status === 200 && headers.get('accept-ranges') === 'bytes')) hasRanges = true;
      const mediaType = headers.get('content-type') ?? BLOB_TYPE;
      // What a GET says may repeat the client's Accept.
      const isTyped = method === 'HEAD' && status === 200 && mediaType !== BLOB_TYPE;
      if (isOwn && isTyped && isFirstHand(response)) typesBlobs = true;
    },
  };
}
