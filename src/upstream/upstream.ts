import type { Absences } from '../access/absences.ts';
import type { Authorizer } from '../access/authorizer.ts';
import type { UploadOwners } from '../access/uploadOwners.ts';
import type { Users } from '../access/users.ts';
import type { Contents } from '../cache/contents.ts';
import type { Ttls } from '../cache/freshness.ts';
import type { BlobDescriptorCacheProvider } from '../cache/provider.ts';
import type { Tags } from '../cache/tags.ts';
import type { Budget } from '../http/body/budget.ts';
import type { Copies } from '../http/body/copies.ts';
import type { AskedAs } from '../http/identity.ts';
import type { BaseAnswers } from '../isolate/baseAnswers.ts';
import type { ForeignHosts } from '../isolate/foreignHosts.ts';
import type { HashedUploads } from '../isolate/hashedUploads.ts';
import type { Lists } from '../isolate/lists.ts';
import type { RecentLosses } from '../isolate/recentLosses.ts';
import type { RecentTags } from '../isolate/recentTags.ts';
import type { RecentUploads } from '../isolate/recentUploads.ts';
import type { RetryAfter } from '../isolate/retryAfter.ts';
import type { Flights } from '../isolate/singleFlight.ts';
import type { Names } from '../oci/names.ts';
import type { EdgeRealm } from '../origin/edgeRealm.ts';
import type { Origin } from '../origin/origin.ts';
import type { Cooldown } from '../policy/cooldown.ts';
import type { Policies } from '../policy/policies.ts';
import type { Pulls } from '../pulls/pulls.ts';
import type { BlobBytes } from './blobBytes.ts';

/** The users of the edge's own. */
export interface EdgeUsers {
  readonly list: Users;
  readonly uploads: UploadOwners;
}

/** One registry behind the edge, with everything that the edge keeps about it. */
export interface Upstream {
  /** Its name among several; empty for the default one. */
  readonly alias: string;
  readonly origin: Origin;
  /** All tiers: for writes and clears, and for reads of callers that only pull. */
  readonly descriptors: BlobDescriptorCacheProvider;
  /** The store that all isolates share: for reads of callers that may push. */
  readonly shared: BlobDescriptorCacheProvider;
  /** Content of manifests, in all tiers: verified bytes are right wherever they come from. */
  readonly contents: Contents;
  /** Bytes of blobs, for all upstreams (`BLOB_STORE`); `undefined`: the edge keeps none. */
  readonly bytes: BlobBytes | undefined;
  /** Where tags point; read only for callers that only pull. */
  readonly tags: Tags;
  /** The memory budget of all bodies that the isolate holds. */
  readonly bodies: Budget;
  /** Copies of manifests that are being pushed. */
  readonly copies: Copies;
  /** Lists of tags, referrers and repositories; only for callers that only pull. */
  readonly lists: Lists;
  /** What the origin said to `GET /v2/` without a credential; proves nothing to anybody. */
  readonly baseAnswers: BaseAnswers;
  readonly authorizer: Authorizer;
  /**
   * The same for a caller who only pulls and whom nobody has to judge: for what operators let the edge ask itself.
   * `undefined`: only the origin can judge.
   */
  readonly forPullers: Upstream | undefined;
  /** 404s that the origin gave to callers without a proof of access. */
  readonly absences: Absences;
  readonly flights: Flights;
  /** Tags that were just pushed, or pulled from an open mirror, through this isolate. */
  readonly recentTags: RecentTags;
  /** Blobs of which this isolate has seen that the origin lost them. */
  readonly recentLosses: RecentLosses;
  /** Blobs that were just uploaded through this isolate. */
  readonly recentUploads: RecentUploads;
  /** The sizes of bodies that this isolate hashed while they were uploaded. */
  readonly hashedUploads: HashedUploads;
  readonly retryAfter: RetryAfter;
  /** The pulls that the origin counts; `undefined`: it counts those of each caller. */
  readonly pulls: Pulls | undefined;
  readonly ttls: Ttls;
  /** `CACHE_TIMEOUT` in ms. */
  readonly cacheTimeoutMs: number;
  readonly askedAs: AskedAs;
  /** Whether writes are allowed; if not, each is UNSUPPORTED. */
  readonly allowsWrites: boolean;
  /** `CLIENT_AUTH=basic`; `undefined`: the edge knows nobody by itself. */
  readonly users: EdgeUsers | undefined;
  readonly policies: Policies;
  /** `undefined`: every tag leads where the origin says. */
  readonly cooldown: Cooldown | undefined;
  /** Whether the edge lends an account of its own: then only the routes of the specification are served. */
  readonly lendsAccount: boolean;
  /**
   * `KEEP_DELETED=keep`: callers get what the origin no longer has as while it fails. Nobody may push here. The one
   * exception to law 7.
   */
  readonly keepsDeleted: boolean;
  /** `DELETE_ENABLED` */
  readonly deleteEnabled: boolean;
  /** `BLOB_REDIRECT=follow`: the edge follows the origin's redirects to object storage, for clients that cannot. */
  readonly followsRedirects: boolean;
  /** `UPLOAD_ORIGIN=direct`: clients upload to the origin itself. */
  readonly directUploads: boolean;
  /** `DEFAULT_NAMESPACE`; `undefined`: operators name every repository in full. */
  readonly names: Names | undefined;
  /** `TOKEN_REALM=edge`; `undefined`: clients fetch tokens from the origin's token server themselves. */
  readonly edgeRealm: EdgeRealm | undefined;
  /** `EVENTS_TOKEN`; without it the path for the registry's events is 404. */
  readonly eventsToken: string | undefined;
  /** Queries that still ask for the origin's own content: `?ns=` with one of `MIRRORED_HOSTS` or of `NS`. */
  readonly ownQueries: ReadonlySet<string>;
  /** Whether `?ns=` names another registry than this origin. */
  readonly foreignHosts: ForeignHosts;
}
