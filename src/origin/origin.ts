import type { RequestContext } from '../context.ts';
import type { ForwardedBody } from '../http/body/forwardBody.ts';
import type { ContentEntry, Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import type { Target } from '../oci/route.ts';
import type { Examined } from './examineStorage.ts';
import type { StoragePlace } from './storagePlaces.ts';
import type { Traits } from './traits.ts';

/** The registry behind the edge. */
export interface Origin {
  /** The base URL. */
  readonly url: URL;
  /** `ORIGIN_TIMEOUT` in ms. */
  readonly timeoutMs: number;
  readonly traits: Traits;
  /** Refuses a request that this edge has already handled. @throws RegistryError LOOP_DETECTED */
  refuseLoop(ctx: RequestContext): void;
  /**
   * Sends the client's request, with those of its headers that the origin may see.
   * @param target path and query below the base URL, the path in its normal form
   * @returns an answer whose body has to be read or cancelled
   * @throws RegistryError ORIGIN_UNREACHABLE: no answer, or no headers within `ORIGIN_TIMEOUT`; REQUEST_INVALID: the
   *   body broke off; LOOP_DETECTED (all methods throw it): this edge has already handled the request
   */
  send(ctx: RequestContext, target: string, request: OriginRequest): Promise<OriginResponse>;
  /**
   * Asks for a blob's descriptor, for the client's HEAD.
   * @param cancelled ends the question early
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  statBlob(
    ctx: RequestContext,
    blob: Target & { readonly digest: Digest },
    cancelled?: AbortSignal,
  ): Promise<ContentStat>;
  /**
   * Asks for a blob, for the client's GET.
   * @throws RegistryError ORIGIN_UNREACHABLE: also where the redirects that it follows do not end at content
   */
  getBlob(ctx: RequestContext, target: string, request: BlobRequest): Promise<BlobAnswer>;
  /**
   * Finds out whether a place is the origin's storage, and remembers it. The origin gets two questions at most.
   * @returns `undefined` where this cannot be found out now; the origin is not asked if the place has just been
   *   examined
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  examineStorage(ctx: RequestContext, blob: BlobInPlace): Promise<Examined | undefined>;
  /**
   * Asks for a manifest's descriptor with a HEAD.
   * @param target as for `send`
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  statManifest(ctx: RequestContext, target: string, request: ManifestRequest): Promise<ContentStat>;
  /**
   * Asks for a manifest. One that is too large to be held, or does not match its digest, is not `found` but relayed.
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  getManifest(
    ctx: RequestContext,
    target: string,
    reference: Reference,
    cancelled?: AbortSignal,
  ): Promise<ContentStat<ContentEntry>>;
}

/** A blob of which a place says that it has it. */
export interface BlobInPlace extends Target {
  readonly digest: Digest;
  readonly size: number;
  readonly place: StoragePlace;
}

export interface OriginRequest {
  readonly method: string;
  /** The client's body; absent: the request has none. */
  readonly sent?: ForwardedBody | undefined;
  /** `question`: the edge's own request, without the client's conditions and ranges. The default is `relay`. */
  readonly as?: 'question' | 'relay';
  /** Replaces the client's own `Accept`. */
  readonly accept?: string | undefined;
  /** The only headers of the client that are sent. */
  readonly onlyHeaders?: readonly string[] | undefined;
  /** Headers of the client that are left out. */
  readonly omitHeaders?: readonly string[];
  /** The media type of a body that is the edge's own. */
  readonly contentType?: string | undefined;
  /** Ends the request early. */
  readonly signal?: AbortSignal | undefined;
}

export interface ManifestRequest {
  readonly reference: Reference;
  /** Replaces the client's own `Accept`. */
  readonly accept?: string | undefined;
  /** Ends the question early. */
  readonly signal?: AbortSignal | undefined;
}

export interface BlobRequest {
  /** Absent: a digest that the edge cannot verify, so nothing is learnt of where the blob is. */
  readonly digest?: Digest;
  /** Headers of the client that are left out. */
  readonly omitHeaders: readonly string[];
  /** Whether redirects are followed, where `REDIRECT_HOSTS` allows; otherwise they are relayed. */
  readonly follows: boolean;
  readonly signal: AbortSignal;
}

/** `first` is the origin's own answer. `response` is the one to relay: another one where a redirect was followed. */
export interface BlobAnswer extends OriginResponse {
  readonly first: Response;
  /** Whether the origin itself sent `response`. */
  readonly isDirect: boolean;
  /** Whether the origin's own storage sent it, which proves what a 200 would. */
  readonly isFromStorage?: boolean;
  /** Where it came from, as in a `ContentStat`. */
  readonly place?: StoragePlace;
}

/** `sentAt`: epoch ms at which the request was sent. What the response confirms was true then or later. */
export interface OriginResponse {
  readonly response: Response;
  readonly sentAt: number;
}

/**
 * What the origin answered about content. `response` is the origin's own answer, which shows how it judges the caller.
 * If nothing was `found`, it is relayed, and only then can its body be read.
 */
export interface ContentStat<E extends Entry = Entry> {
  readonly response: Response;
  /** The method that `response` answers, and so the kind of access that it proves. */
  readonly method: 'HEAD' | 'GET';
  /** Relayed in place of `response`, which answers a HEAD where the client sent a GET. */
  readonly relay?: Response;
  /** Whether nothing was found because the storage to which the origin redirects does not have the content (404). */
  readonly isLost?: boolean;
  readonly found?: {
    readonly entry: E;
    /** Whether the registry itself answered, and not a cache on the way. */
    readonly isFirstHand: boolean;
    /** Whether the origin itself answered, and not a redirect's target, which knows neither repository nor caller. */
    readonly isDirect: boolean;
    /** Whether the origin's own storage answered after a redirect, which proves what a 200 would. */
    readonly isFromStorage?: boolean;
    /** Where the answer came from, if that may be the origin's storage: `examineStorage` can find out. */
    readonly place?: StoragePlace;
  };
}
