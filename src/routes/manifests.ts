import { contentItem, withContent } from '../cache/contents.ts';
import type { CacheItem } from '../cache/item.ts';
import { tagItem } from '../cache/tags.ts';
import type { RequestContext } from '../context.ts';
import type { ContentEntry, Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type ErrorCode, isIllness, RegistryError } from '../oci/errors.ts';
import { isCommonVariety, takes, varietyOf } from '../oci/mediaTypes.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Reference } from '../oci/reference.ts';
import type { ContentStat } from '../origin/origin.ts';
import type { Upstream } from '../upstream.ts';
import { within } from '../within.ts';
import { contentAnswer } from './answer.ts';
import { itemIn, readerFor, windowOf } from './linked.ts';
import { type Asked, readContent } from './readContent.ts';

export interface ManifestRoute {
  readonly path: string;
  readonly search: string;
  readonly name: RepositoryName;
  readonly reference: Reference;
}

/** What differs between HEAD and GET. */
interface Verb<E extends Entry> {
  peek(digest: Digest, mayPush: boolean): E | undefined;
  itemOf(digest: Digest, mayPush: boolean): CacheItem<E>;
  askOrigin(known?: E, cancelled?: AbortSignal): Promise<ContentStat<E>>;
}

/** HEAD and GET of `/v2/<name>/manifests/<reference>`, by digest or by tag. */
export function readManifest(
  ctx: RequestContext,
  upstream: Upstream,
  route: ManifestRoute,
): Response | Promise<Response> {
  if (ctx.method === 'GET') return readContent(ctx, upstream, route.name, asked(ctx, upstream, route, get));
  return readContent(ctx, upstream, route.name, asked(ctx, upstream, route, head));
}

function asked<E extends Entry & Partial<ContentEntry>>(
  ctx: RequestContext,
  upstream: Upstream,
  route: ManifestRoute,
  verbOf: (ctx: RequestContext, upstream: Upstream, route: ManifestRoute) => Verb<E>,
): Asked<E> {
  const { name, reference, search } = route;
  const { ttls, tags } = upstream;
  const verb = verbOf(ctx, upstream, route);
  const accept = ctx.request.headers.get('accept');
  const variety = () => `${varietyOf(accept)} ${decodeURIComponent(search)}`;
  const about = {
    name,
    words: () => `${ctx.method} manifests ${reference.text} ${variety()}`,
    takes: ({ descriptor }: Entry) => takes(accept, descriptor.mediaType),
    askOrigin: verb.askOrigin,
    answer: (entry: E) => contentAnswer(ctx, entry.descriptor, 'manifests', entry.content),
  };

  return ({ mayPush }) => {
    const staleMs = mayPush ? 0 : ttls.staleMs;
    if (reference.kind === 'digest') {
      return {
        ...about,
        windowMs: windowOf(upstream, mayPush),
        staleMs,
        peek: () => verb.peek(reference.text, mayPush),
        item: () => verb.itemOf(reference.text, mayPush),
      };
    }
    // Tags move: to a caller that may push none is answered from the cache, but what it leads to is kept.
    const isKept = !mayPush && isCommonVariety(accept);
    const manifestOf = (digest: Digest) => verb.itemOf(digest, mayPush);
    const tag = () => tagItem({ name, tag: reference.text, variety: variety() }, tags, manifestOf);
    if (isKept && ttls.tagMs + staleMs > 0) return { ...about, windowMs: ttls.tagMs, staleMs, item: tag };
    const itemOf = ({ descriptor }: E) => manifestOf(descriptor.digest);
    // What was asked before a push, perhaps through another isolate, is no answer after it.
    const words = mayPush ? () => undefined : about.words;
    return { ...about, words, windowMs: 0, staleMs: 0, item: tag, itemOf };
  };
}

function head(ctx: RequestContext, upstream: Upstream, { path, search, name, reference }: ManifestRoute): Verb<Entry> {
  return {
    peek: (digest, mayPush) => readerFor(upstream, mayPush).peek?.(ctx, name, 'manifests', digest),
    itemOf: (digest, mayPush) => itemIn(upstream, { name, links: 'manifests', digest }, mayPush),
    askOrigin: (_known, cancelled) => upstream.origin.statManifest(ctx, path + search, reference, cancelled),
  };
}

function get(ctx: RequestContext, upstream: Upstream, route: ManifestRoute): Verb<ContentEntry> {
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
  const { response, found } = await upstream.origin.statManifest(ctx, target, route.reference, cancelled);
  if (found) {
    const { digest, mediaType } = found.entry.descriptor;
    const isTaken = takes(ctx.request.headers.get('accept'), mediaType);
    const content =
      digest === known?.descriptor.digest ? known.content : isTaken && (await kept(ctx, upstream, digest));
    const entry = withContent(found.entry, content || undefined);
    if (entry) return { response, found: { ...found, entry } };
  }
  // Another manifest, or an answer that tells too little.
  if (response.status < 400) return fetchManifest(ctx, upstream, route, asking);
  const refused = { response, relay: inBrief(response) };
  if (isIllness(response.status)) return refused;
  // For the words of the refusal; that it is one is settled, whatever becomes of this question.
  const got = await fetchManifest(ctx, upstream, route, asking).catch(() => refused);
  return isIllness(got.response.status) ? refused : got;
}

async function kept(ctx: RequestContext, upstream: Upstream, digest: Digest): Promise<Uint8Array | undefined> {
  const content = upstream.contents.get(ctx, digest).catch(() => undefined);
  return within(content, upstream.cacheTimeoutMs);
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  429: 'TOOMANYREQUESTS',
};

/** The answer to a HEAD as that to a GET: with a body that says the same. */
function inBrief({ status, headers: given }: Response): Response {
  const headers = new Headers(given);
  headers.delete('content-length');
  headers.set('content-type', 'application/json');
  return new Response(new RegistryError(CODES[status] ?? 'UNAVAILABLE').toBody(), { status, headers });
}
