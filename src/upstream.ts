import type { Authorizer } from './auth/authorizer.ts';
import type { Flights } from './cache/flights.ts';
import type { Ttls } from './cache/freshness.ts';
import type { BlobDescriptorCacheProvider } from './cache/provider.ts';
import type { Origin } from './origin/origin.ts';

/** What a route sees of the world: one registry behind the edge, and what the edge knows of it. */
export interface Upstream {
  readonly origin: Origin;
  /** All tiers: where writes and clears go, and reads of callers that only pull. */
  readonly descriptors: BlobDescriptorCacheProvider;
  /** The store that all isolates share: where callers that may push look. */
  readonly shared: BlobDescriptorCacheProvider;
  readonly authorizer: Authorizer;
  readonly flights: Flights;
  readonly ttls: Ttls;
  /** `CACHE_TIMEOUT` in ms. */
  readonly cacheTimeoutMs: number;
  /** A read-only mirror: every write is UNSUPPORTED. */
  readonly readOnly: boolean;
  /** `DELETE_ENABLED` */
  readonly deleteEnabled: boolean;
}
