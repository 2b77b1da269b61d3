import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';

/** The registry behind the edge. */
export interface Origin {
  /** Its base URL: a Location of its own begins with it. */
  readonly url: URL;
  /** `ORIGIN_TIMEOUT` in ms. */
  readonly timeoutMs: number;
  /**
   * Hands the client's request on; its headers without those that are not for the origin.
   * @param target path and query below the base URL, the path in its normal form
   * @returns an answer whose body is still to be read or cancelled
   * @throws RegistryError ORIGIN_UNREACHABLE: no answer, or no headers within `ORIGIN_TIMEOUT`
   */
  send(ctx: RequestContext, target: string, request: OriginRequest): Promise<OriginResponse>;
  /**
   * Asks what a blob is, for the client's HEAD.
   * @param cancelled ends the question early
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  statBlob(ctx: RequestContext, name: RepositoryName, digest: Digest, cancelled?: AbortSignal): Promise<BlobStat>;
}

export interface OriginRequest {
  readonly method: string;
  readonly body: ReadableStream | null;
  /** Ends the request early. */
  readonly signal?: AbortSignal | undefined;
}

/** `sentAt`: epoch ms at which the request was sent; what the answer confirms was true then or later. */
export interface OriginResponse {
  readonly response: Response;
  readonly sentAt: number;
}

/**
 * `response` is the origin's own answer, by which its judgement of the caller is known (its body is not for reading).
 * Where the blob was not `found` it is relayed.
 */
export interface BlobStat {
  readonly response: Response;
  readonly found?: {
    readonly entry: Entry;
    /** No cache on the way answered. */
    readonly firstHand: boolean;
    /** The origin itself told, not a redirect's target, which knows neither repository nor caller. */
    readonly direct: boolean;
  };
}
