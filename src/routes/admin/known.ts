import { isFresh } from '../../cache/freshness.ts';
import type { FoundEntry } from '../../cache/provider.ts';
import type { RequestContext } from '../../context.ts';
import type { Entry } from '../../oci/descriptor.ts';
import { type Digest, parseDigest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import { LINK_SETS, type LinkSet } from '../../oci/links.ts';
import { parseRepositoryName, type RepositoryName } from '../../oci/name.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { guard, jsonAnswer, orUnavailable, upstreamOf } from './guard.ts';

const PREFIX = '/_edge/known/';
/** So many of each link set are shown. */
const MAX_SHOWN = 100;
/** So many pages of each link set are read: a page has nothing to show where all of it was cleared or is old. */
const MAX_PAGES = 4;

/** What is known of a digest in a repository. Times are epoch ms. */
interface Known {
  readonly digest: Digest;
  readonly links: LinkSet;
  readonly size: number;
  readonly mediaType: string;
  /** When the question was sent that the origin confirmed last. */
  readonly verifiedAt: number;
  /** The stores that have it: the shared one, and the memory of the isolate that answers this. */
  readonly tiers: readonly ('store' | 'memory')[];
  /** Until when it answers callers that may push, and callers that only pull, without a question; absent: not now. */
  readonly until: { readonly push?: number; readonly pull?: number };
}

/**
 * Answers `GET /_edge/known/<name>` and `/_edge/known/<name>@<digest>`, for operators with the `ADMIN_TOKEN`: what the
 * cache knows of a repository of an upstream, or of one digest in it.
 * @returns JSON: `known`, at most 100 of each link set, and whether there are `more`
 * @throws RegistryError as `guard`; NAME_INVALID, DIGEST_INVALID; REQUEST_INVALID: another query; UNAVAILABLE: the store
 *   failed
 */
export async function knownRoute(
  ctx: RequestContext,
  upstreams: Upstreams,
  adminToken: string | undefined,
): Promise<Response> {
  await guard(ctx, adminToken, ['GET', 'HEAD']);
  const [upstream, query] = upstreamOf(ctx, upstreams);
  if (query.size > 0) throw new RegistryError('REQUEST_INVALID', { message: 'invalid query: send ?upstream= or none' });
  const [, nameText = '', digestText] = /^([^@]*)(?:@(.*))?$/.exec(ctx.target.path.slice(PREFIX.length)) ?? [];
  const given = parseRepositoryName(nameText);
  const repository = upstream.names?.fullName(given) ?? given;
  const digest = digestText === undefined ? undefined : parseDigest(digestText);
  const pages = await orUnavailable(() =>
    Promise.all(LINK_SETS.map((links) => knownIn(ctx, upstream, { repository, links, digest }))),
  );
  const known = pages.flatMap((page) => page.known.slice(0, MAX_SHOWN));
  return jsonAnswer(ctx, { repository, digest, known, more: pages.some(({ isMore }) => isMore) });
}

interface Place {
  readonly repository: RepositoryName;
  readonly links: LinkSet;
  readonly digest: Digest | undefined;
}

async function knownIn(ctx: RequestContext, upstream: Upstream, { repository, links, digest }: Place) {
  const descriptors = upstream.shared.repositoryScoped(repository, links);
  const describeAll = (found: ReadonlyMap<Digest, FoundEntry>) =>
    [...found].flatMap(([key, stored]) => describe(ctx, upstream, { repository, links, digest: key }, stored));
  if (digest) return { known: describeAll(await descriptors.statEach(ctx, [digest])), isMore: false };
  const known: Known[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && known.length < MAX_SHOWN; page++) {
    const listed = await descriptors.list(ctx, cursor);
    known.push(...describeAll(listed.found));
    cursor = listed.cursor;
    if (cursor === undefined) break;
  }
  return { known, isMore: cursor !== undefined || known.length > MAX_SHOWN };
}

function describe(
  ctx: RequestContext,
  upstream: Upstream,
  { repository, links, digest }: Place & { readonly digest: Digest },
  { entry: stored }: Pick<FoundEntry, 'entry'>,
): Known | [] {
  const remembered = upstream.descriptors.peek?.(ctx, repository, links, digest);
  const entry = stored ?? remembered;
  if (!entry) return [];
  const { size, mediaType } = entry.descriptor;
  const tiers = [...(stored ? ['store' as const] : []), ...(remembered ? ['memory' as const] : [])];
  return { digest, links, size, mediaType, verifiedAt: entry.verifiedAt, tiers, until: untilOf(ctx, upstream, entry) };
}

function untilOf(ctx: RequestContext, { ttls }: Upstream, entry: Entry): Known['until'] {
  const ends = (windowMs: number) =>
    isFresh(entry, ctx.now(), windowMs) ? Math.round(entry.verifiedAt + windowMs) : undefined;
  const pull = ends(ttls.descriptorMs);
  const push = ends(ttls.pushExistenceMs);
  return { ...(push !== undefined && { push }), ...(pull !== undefined && { pull }) };
}
