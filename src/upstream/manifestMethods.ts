import { within } from '../async.ts';
import { contentItem, withContent } from '../cache/contentItem.ts';
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
import { readerFor, repositoryItem } from './repository.ts';
import type { Upstream } from './upstream.ts';

export interface ManifestRoute extends Target {
  readonly name: RepositoryName;
  readonly reference: Reference;
}

/** What differs between a HEAD and a GET of a manifest. */
export interface ManifestMethod<E extends Entry> {
  /** Returns the entry in this isolate's memory, fresh or not. */
  peek(digest: Digest, mayPush: boolean): E | undefined;
  /** Returns where the cache may have the manifest of a digest. */
  itemOf(digest: Digest, mayPush: boolean): CacheItem<E>;
  /** Whether an answer to this method gave the entry's media type. */
  isWitnessed(entry: Entry): boolean;
  /**
   * Asks the origin.
   * @param known the stored entry, if there is one that may not answer this caller as it is
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  ask(known?: E, cancelled?: AbortSignal): Promise<ContentStat<E>>;
}

/** Returns the HEAD method, which needs the descriptor only. */
export function headMethod(
  ctx: RequestContext,
  upstream: Upstream,
  { path, search, name, reference }: ManifestRoute,
): ManifestMethod<Entry> {
  return {
    peek: (digest, mayPush) => readerFor(upstream, mayPush).peek?.(ctx, name, 'manifests', digest),
    itemOf: (digest, mayPush) => repositoryItem(upstream, { name, links: 'manifests', digest }, mayPush),
    // A media type from a GET holds for a HEAD, too, unless this origin was seen to hide it from HEADs.
    isWitnessed: ({ witness }) => witness !== 'GET' || !upstream.origin.traits.hidesManifestTypes,
    ask: (_entry, cancelled) => upstream.origin.statManifest(ctx, path + search, reference, cancelled),
  };
}

/** Returns the GET method, which needs the descriptor and the content. */
export function getMethod(ctx: RequestContext, upstream: Upstream, route: ManifestRoute): ManifestMethod<ContentEntry> {
  const { peek, itemOf } = headMethod(ctx, upstream, route);
  const { contents } = upstream;
  const contentItemOf = (digest: Digest, mayPush: boolean) => contentItem(digest, itemOf(digest, mayPush), contents);
  // A HEAD may give no usable media type, even if the content itself is stored, perhaps for another repository.
  const isWitnessed = ({ witness }: Entry) => witness !== 'HEAD';
  return {
    peek(digest, mayPush) {
      const entry = peek(digest, mayPush);
      return entry && withContent(entry, contents.peek?.(ctx, digest));
    },
    itemOf: contentItemOf,
    isWitnessed,
    ask(known, cancelled) {
      const isUseful =
        known && isWitnessed(known) && accepts(ctx.request.headers.get('accept'), known.descriptor.mediaType);
      if (!isUseful) return fetchManifest(ctx, upstream, route, cancelled);
      return confirm(ctx, upstream, route, { known, cancelled, contentItemOf });
    },
  };
}

interface ConfirmOptions {
  readonly known: ContentEntry;
  readonly cancelled: AbortSignal | undefined;
  contentItemOf(digest: Digest, mayPush: boolean): CacheItem<ContentEntry>;
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
 * Asks for a manifest that is stored. A HEAD shows whether the stored one is still the answer. It costs no body, and
 * none of the pulls that rate-limited registries count. It is no witness of the media type that a GET would give, so if
 * the descriptors differ, the manifest is fetched.
 */
async function confirm(
  ctx: RequestContext,
  upstream: Upstream,
  route: ManifestRoute,
  options: ConfirmOptions,
): Promise<ContentStat<ContentEntry>> {
  const { cancelled } = options;
  const target = route.path + route.search;
  const { response, method, found } = await upstream.origin.statManifest(ctx, target, route.reference, cancelled);
  if (found) {
    const { descriptor } = found.entry;
    const known = await storedEntry(ctx, upstream, descriptor, options);
    const isSame = known !== undefined && known.witness !== 'HEAD' && isSameDescriptor(known.descriptor, descriptor);
    const entry = isSame ? withContent(found.entry, known.content) : undefined;
    if (entry) return { response, method, found: { ...found, entry } };
  }
  // The tag points to another manifest now, or the answer says too little.
  if (response.status < 400) return fetchManifest(ctx, upstream, route, cancelled);
  const refused = { response, method, relay: withErrorBody(response, ERROR_CODES[response.status] ?? 'UNAVAILABLE') };
  if (isOriginFailure(response.status)) return refused;
  // A HEAD's refusal has no body, so the GET is sent for its words. If that fails, the refusal stands all the same.
  const answer = await fetchManifest(ctx, upstream, route, cancelled).catch(() => refused);
  return isOriginFailure(answer.response.status) ? refused : answer;
}

/**
 * Returns the stored entry of the manifest that the origin names now. It is another one only if the question was a tag
 * that has moved. The cache has entries for tags only if the caller only pulls, so `mayPush` is false here.
 */
async function storedEntry(
  ctx: RequestContext,
  { cacheTimeoutMs }: Upstream,
  { digest }: Descriptor,
  { known, contentItemOf }: ConfirmOptions,
): Promise<ContentEntry | undefined> {
  if (digest === known.descriptor.digest) return known;
  const lookup = contentItemOf(digest, false).stat(ctx);
  const other = await within(
    lookup.catch(() => undefined),
    cacheTimeoutMs,
  );
  return other && accepts(ctx.request.headers.get('accept'), other.descriptor.mediaType) ? other : undefined;
}

/** The error codes for a HEAD's refusal, which has no body of its own. */
const ERROR_CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  429: 'TOOMANYREQUESTS',
};
