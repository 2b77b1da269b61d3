import { contentItem, withContent } from '../cache/contents.ts';
import type { CacheItem } from '../cache/item.ts';
import type { RequestContext } from '../context.ts';
import type { ContentEntry, Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type ErrorCode, isIllness } from '../oci/errors.ts';
import { takes } from '../oci/mediaTypes.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Reference } from '../oci/reference.ts';
import type { Target } from '../oci/route.ts';
import type { ContentStat } from '../origin/origin.ts';
import type { Upstream } from '../upstream.ts';
import { within } from '../within.ts';
import { inBrief } from './answer.ts';
import { itemIn, readerFor } from './linked.ts';

export interface ManifestRoute extends Target {
  readonly name: RepositoryName;
  readonly reference: Reference;
}

/** What differs between HEAD and GET. */
export interface Verb<E extends Entry> {
  peek(digest: Digest, mayPush: boolean): E | undefined;
  itemOf(digest: Digest, mayPush: boolean): CacheItem<E>;
  askOrigin(known?: E, cancelled?: AbortSignal): Promise<ContentStat<E>>;
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
    askOrigin: (_known, cancelled) => upstream.origin.statManifest(ctx, path + search, reference, cancelled),
  };
}

/** A GET: of the descriptor and the content. */
export function get(ctx: RequestContext, upstream: Upstream, route: ManifestRoute): Verb<ContentEntry> {
  const { peek, itemOf } = head(ctx, upstream, route);
  const { contents } = upstream;
  return {
    peek(digest, mayPush) {
      const entry = peek(digest, mayPush);
      return entry && withContent(entry, contents.peek?.(ctx, digest));
    },
    itemOf: (digest, mayPush) => contentItem(digest, itemOf(digest, mayPush), contents),
    askOrigin: (known, cancelled) => (known ? confirm : fetchManifest)(ctx, upstream, route, { known, cancelled }),
  };
}

interface Asking {
  readonly known: ContentEntry | undefined;
  readonly cancelled: AbortSignal | undefined;
}

function fetchManifest(
  ctx: RequestContext,
  { origin }: Upstream,
  { path, search, reference }: ManifestRoute,
  { cancelled }: Asking,
): Promise<ContentStat<ContentEntry>> {
  return origin.getManifest(ctx, path + search, reference, cancelled);
}

/**
 * Asks for a manifest of which one is known. A HEAD tells whether that is still the answer, at the cost of no body, and
 * of none of the pulls that rate-limited registries count.
 */
async function confirm(
  ctx: RequestContext,
  upstream: Upstream,
  route: ManifestRoute,
  asking: Asking,
): Promise<ContentStat<ContentEntry>> {
  const { known, cancelled } = asking;
  const target = route.path + route.search;
  const { response, asked, found } = await upstream.origin.statManifest(ctx, target, route.reference, cancelled);
  if (found) {
    const { digest, mediaType } = found.entry.descriptor;
    const isTaken = takes(ctx.request.headers.get('accept'), mediaType);
    const content =
      digest === known?.descriptor.digest ? known.content : isTaken && (await kept(ctx, upstream, digest));
    const entry = withContent(found.entry, content || undefined);
    if (entry) return { response, asked, found: { ...found, entry } };
  }
  // Another manifest, or an answer that tells too little.
  if (response.status < 400) return fetchManifest(ctx, upstream, route, asking);
  const refused = { response, asked, relay: inBrief(response, CODES[response.status] ?? 'UNAVAILABLE') };
  if (isIllness(response.status)) return refused;
  // For the words of the refusal; that it is one is settled, whatever becomes of this question.
  const got = await fetchManifest(ctx, upstream, route, asking).catch(() => refused);
  return isIllness(got.response.status) ? refused : got;
}

async function kept(ctx: RequestContext, upstream: Upstream, digest: Digest): Promise<Uint8Array | undefined> {
  const content = upstream.contents.get(ctx, digest).catch(() => undefined);
  return within(content, upstream.cacheTimeoutMs);
}

/** What a HEAD's refusal says in words. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  429: 'TOOMANYREQUESTS',
};
