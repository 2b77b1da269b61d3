import type { RequestContext } from '../context.ts';
import type { ForwardedBody } from '../http/body/forwardBody.ts';
import type { ContentEntry, Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import type { Target } from '../oci/route.ts';
import type { Traits } from './traits.ts';

/** The registry behind the edge. */
export interface Origin {
  /** Its base URL: a Location of its own begins with it. */
  readonly url: URL;
  /** `ORIGIN_TIMEOUT` in ms. */
  readonly timeoutMs: number;
  readonly traits: Traits;
  /**
   * Hands the client's request on; its headers without those that are not for the origin.
   * @param target path and query below the base URL, the path in its normal form
   * @returns an answer whose body is still to be read or cancelled
   * @throws RegistryError ORIGIN_UNREACHABLE: no answer, or no headers within `ORIGIN_TIMEOUT`; REQUEST_INVALID: what was
   *   sent broke off; LOOP_DETECTED, like all below: this edge has handled the request already
   */
  send(ctx: RequestContext, target: string, request: OriginRequest): Promise<OriginResponse>;
  /**
   * Asks what a blob is, for the client's HEAD.
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
   * @throws RegistryError ORIGIN_UNREACHABLE: also where a redirect that is to be followed leads to no content
   */
  getBlob(ctx: RequestContext, target: string, request: BlobRequest): Promise<BlobAnswer>;
  /** Asks what a manifest is, with a HEAD. @param target as `send`'s @throws RegistryError ORIGIN_UNREACHABLE */
  statManifest(
    ctx: RequestContext,
    target: string,
    reference: Reference,
    cancelled?: AbortSignal,
  ): Promise<ContentStat>;
  /**
   * Asks for a manifest. One that is too large to be kept, or not what its digest says, is not `found` but relayed.
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  getManifest(
    ctx: RequestContext,
    target: string,
    reference: Reference,
    cancelled?: AbortSignal,
  ): Promise<ContentStat<ContentEntry>>;
}

export interface OriginRequest {
  readonly method: string;
  /** The client's body; without it, none. */
  readonly sent?: ForwardedBody | undefined;
  /** `question`: the edge's own, without the client's conditions and ranges; else the client's request is handed on. */
  readonly as?: 'question' | 'relay';
  /** In place of the client's own `Accept`. */
  readonly accept?: string | undefined;
  /** In place of all of the client's headers that the origin would get. */
  readonly only?: readonly string[] | undefined;
  /** Headers of the client's to be left out. */
  readonly without?: readonly string[];
  /** Ends the request early. */
  readonly signal?: AbortSignal | undefined;
}

export interface BlobRequest {
  /** The client's headers that are not for the origin. */
  readonly without: readonly string[];
  /** Whether a redirect is followed, where `REDIRECT_HOSTS` allows; else it is an answer like any other. */
  readonly follows: boolean;
  readonly signal: AbortSignal;
}

/** `first` is the origin's own answer, `response` the one to be relayed: another one, where a redirect was followed. */
export interface BlobAnswer extends OriginResponse {
  readonly first: Response;
  /** The origin itself answered. */
  readonly isDirect: boolean;
}

/** `sentAt`: epoch ms at which the request was sent; what the answer confirms was true then or later. */
export interface OriginResponse {
  readonly response: Response;
  readonly sentAt: number;
}

/**
 * `response` is the origin's own answer, by which its judgement of the caller is known. Where nothing was `found` it is
 * relayed, and only then its body is there to be read.
 */
export interface ContentStat<E extends Entry = Entry> {
  readonly response: Response;
  /** The method of the request that `response` answers: what it proves of the caller is of that kind. */
  readonly method: 'HEAD' | 'GET';
  /** Relayed instead, where the origin's own answer cannot be: it answered a HEAD, and the client sent a GET. */
  readonly relay?: Response;
  readonly found?: {
    readonly entry: E;
    /** No cache on the way answered. */
    readonly firstHand: boolean;
    /** The origin itself told, not a redirect's target, which knows neither repository nor caller. */
    readonly direct: boolean;
    /** The origin's redirect led to its own storage (`REDIRECT_HOSTS`), which told: that proves what a 200 would. */
    readonly byStorage?: boolean;
  };
}
