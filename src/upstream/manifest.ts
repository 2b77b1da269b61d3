import { within } from '../async.ts';
import { contentItem, withContent } from '../cache/contents.ts';
import type { CacheItem } from '../cache/item.ts';
import type { RequestContext } from '../context.ts';
import { withErrorBody } from '../http/errorBody.ts';
import { type ContentEntry, type Descriptor, type Entry, isSameDescriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type ErrorCode, isOriginFailure } from '../oci/errors.ts';
import { accepts } from '../oci/mediaTypes.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Reference } from '../oci/reference.ts';
import type { Target } from '../oci/route.ts';
import type { ContentStat } from '../origin/origin.ts';
import { itemIn, readerFor } from './repository.ts';
import type { Upstream } from './upstream.ts';

export interface ManifestRoute extends Target {
  readonly name: RepositoryName;
  readonly reference: Reference;
}

/** What differs between HEAD and GET. */
export interface Verb<E extends Entry> {
  peek(digest: Digest, mayPush: boolean): E | undefined;
  itemOf(digest: Digest, mayPush: boolean): CacheItem<E>;
  /** Whether an answer to this method told the media type of what is known. */
  isWitnessed(entry: Entry): boolean;
  ask(known?: E, cancelled?: AbortSignal): Promise<ContentStat<E>>;
}

/** A HEAD: of the descriptor. */
export function head(
  ctx: RequestContext,
  upstream: Upstream,
  { path, search, name, reference }: ManifestRoute,
): Verb<Entry> {
  return {
    peek: (digest, mayPush) => readerFor(upstream, mayPush).peek?.(ctx, name, 'manifests', digest),
    itemOf: (digest, mayPush) => itemIn(upstream, { name, links: 'manifests', digest }, mayPush),
    // The type of a GET does for a HEAD, but at an origin that was seen to tell HEADs none.
    isWitnessed: ({ witness }) => witness !== 'GET' || !upstream.origin.traits.hidesManifestTypes,
    ask: (_known, cancelled) => upstream.origin.statManifest(ctx, path + search, reference, cancelled),
  };
}

/** A GET: of the descriptor and the content. */
export function get(ctx: RequestContext, upstream: Upstream, route: ManifestRoute): Verb<ContentEntry> {
  const { peek, itemOf } = head(ctx, upstream, route);
  const { contents } = upstream;
  const contentOf = (digest: Digest, mayPush: boolean) => contentItem(digest, itemOf(digest, mayPush), contents);
  // What a HEAD says of the type may be nothing, and content may be known from another repository.
  const isWitnessed = ({ witness }: Entry) => witness !== 'HEAD';
  return {
    peek(digest, mayPush) {
      const entry = peek(digest, mayPush);
      return entry && withContent(entry, contents.peek?.(ctx, digest));
    },
    itemOf: contentOf,
    isWitnessed,
    ask(known, cancelled) {
      const isUseful =
        known && isWitnessed(known) && accepts(ctx.request.headers.get('accept'), known.descriptor.mediaType);
      if (!isUseful) return fetchManifest(ctx, upstream, route, cancelled);
      return confirm(ctx, upstream, route, { known, cancelled, contentOf });
    },
  };
}

interface Asking {
  readonly known: ContentEntry;
  readonly cancelled: AbortSignal | undefined;
  contentOf(digest: Digest, mayPush: boolean): CacheItem<ContentEntry>;
}

function fetchManifest(
  ctx: RequestContext,
  { origin }: Upstream,
  { path, search, reference }: ManifestRoute,
  cancelled: AbortSignal | undefined,
): Promise<ContentStat<ContentEntry>> {
  return origin.getManifest(ctx, path + search, reference, cancelled);
}

/**
 * Asks for a manifest of which one is known. A HEAD tells whether that is still the answer, at the cost of no body, and
 * of none of the pulls that rate-limited registries count. It is no witness of a GET's media type: where the two differ the
 * manifest is fetched.
 */
async function confirm(
  ctx: RequestContext,
  upstream: Upstream,
  route: ManifestRoute,
  asking: Asking,
): Promise<ContentStat<ContentEntry>> {
  const { cancelled } = asking;
  const target = route.path + route.search;
  const { response, method, found } = await upstream.origin.statManifest(ctx, target, route.reference, cancelled);
  if (found) {
    const { descriptor } = found.entry;
    const known = await knownAs(ctx, upstream, descriptor, asking);
    const isSame = known !== undefined && known.witness !== 'HEAD' && isSameDescriptor(known.descriptor, descriptor);
    const entry = isSame ? withContent(found.entry, known.content) : undefined;
    if (entry) return { response, method, found: { ...found, entry } };
  }
  // Another manifest, or an answer that tells too little.
  if (response.status < 400) return fetchManifest(ctx, upstream, route, cancelled);
  const refused = { response, method, relay: withErrorBody(response, CODES[response.status] ?? 'UNAVAILABLE') };
  if (isOriginFailure(response.status)) return refused;
  // For the words of the refusal; that it is one is settled, whatever becomes of this question.
  const got = await fetchManifest(ctx, upstream, route, cancelled).catch(() => refused);
  return isOriginFailure(got.response.status) ? refused : got;
}

/** What is known of the manifest that the origin names now; only who pulls asks by a tag that may have moved. */
async function knownAs(
  ctx: RequestContext,
  { cacheTimeoutMs }: Upstream,
  { digest }: Descriptor,
  { known, contentOf }: Asking,
): Promise<ContentEntry | undefined> {
  if (digest === known.descriptor.digest) return known;
  const looking = contentOf(digest, false).stat(ctx);
  const other = await within(
    looking.catch(() => undefined),
    cacheTimeoutMs,
  );
  return other && accepts(ctx.request.headers.get('accept'), other.descriptor.mediaType) ? other : undefined;
}

/** What a HEAD's refusal says in words. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  429: 'TOOMANYREQUESTS',
};
