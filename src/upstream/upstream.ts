import type { Absences } from '../access/absences.ts';
import type { Authorizer } from '../access/authorizer.ts';
import type { Ttls } from '../cache/freshness.ts';
import type { Budget } from '../http/body/budget.ts';
import type { Copies } from '../http/body/copies.ts';
import type { Lists } from '../isolate/lists.ts';
import type { RetryAfter } from '../isolate/retryAfter.ts';
import type { Flights } from '../isolate/singleFlight.ts';
import type { Origin } from '../origin/origin.ts';
import type { Contents } from '../stores/contents.ts';
import type { BlobDescriptorCacheProvider } from '../stores/descriptors.ts';
import type { Tags } from '../stores/tags.ts';

/** What a route sees of the world: one registry behind the edge, and what the edge knows of it. */
export interface Upstream {
  readonly origin: Origin;
  /** All tiers: where writes and clears go, and reads of callers that only pull. */
  readonly descriptors: BlobDescriptorCacheProvider;
  /** The store that all isolates share: where callers that may push look. */
  readonly shared: BlobDescriptorCacheProvider;
  /** Manifests, in all tiers: bytes that were verified are right wherever they come from. */
  readonly contents: Contents;
  /** Where tags point to; for callers that only pull. */
  readonly tags: Tags;
  /** What is held of bodies. */
  readonly bodies: Budget;
  /** Of manifests that are being pushed. */
  readonly copies: Copies;
  /** Tag lists and the like; for callers that only pull. */
  readonly lists: Lists;
  readonly authorizer: Authorizer;
  /** What the origin did not have for callers of whom nothing was proved. */
  readonly absences: Absences;
  readonly flights: Flights;
  readonly retryAfter: RetryAfter;
  readonly ttls: Ttls;
  /** `CACHE_TIMEOUT` in ms. */
  readonly cacheTimeoutMs: number;
  /** A read-only mirror: every write is UNSUPPORTED. */
  readonly readOnly: boolean;
  /** `DELETE_ENABLED` */
  readonly deleteEnabled: boolean;
  /** `BLOB_REDIRECT=follow`: the edge follows the origin's redirects to object storage for clients that cannot. */
  readonly followsRedirects: boolean;
  /** `UPLOAD_ORIGIN=direct`: clients upload to the origin itself. */
  readonly directUploads: boolean;
  /** Queries that ask for the origin's own content all the same: `?ns=` with one of `MIRRORED_HOSTS`. */
  readonly ownQueries: ReadonlySet<string>;
}
