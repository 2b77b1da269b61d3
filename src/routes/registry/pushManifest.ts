import { allDone } from '../../async.ts';
import { contentItem } from '../../cache/contents.ts';
import type { RequestContext } from '../../context.ts';
import type { Copy } from '../../http/body/copies.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { isContentOf } from '../../oci/hash.ts';
import { mediaTypeOf } from '../../oci/manifest.ts';
import type { RepositoryName } from '../../oci/name.ts';
import { isTag } from '../../oci/reference.ts';
import type { Route } from '../../oci/route.ts';
import { isFirstHand } from '../../origin/confirmation.ts';
import { tombstoneDurations } from '../../stores/tombstone.ts';
import { errorName } from '../../telemetry/log.ts';
import { hasReadContent } from '../../upstream/authorize.ts';
import { forgetBlobTypes } from '../../upstream/forgetBlobTypes.ts';
import { forgetTags } from '../../upstream/forgetTags.ts';
import { heal } from '../../upstream/heal.ts';
import { repositoryItem } from '../../upstream/repository.ts';
import { sendWrite } from '../../upstream/sendWrite.ts';
import { isStorable, storeProven } from '../../upstream/storeFromPush.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { relayUnlessStalled } from './answer.ts';

export type PushRoute = Extract<Route, { kind: 'manifest' }>;

/**
 * PUT of a manifest: distribution-spec, "Pushing manifests".
 *
 * 1. It goes on to the origin as a stream; a copy of it stays here, of what registries take.
 * 2. When the origin has taken it, its tags lead elsewhere now, and the repository's lists are others; what the digest
 *    proves is written to the cache. All of it before the reply.
 * 3. When the origin misses what the manifest names, the cache forgets that (`heal`), before the reply.
 * @throws RegistryError as `write`
 */
export async function pushManifest(ctx: RequestContext, upstream: Upstream, route: PushRoute): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const copy = upstream.copies.of(ctx);
  const doubted = () => ctx.waitUntil(dropUnknown(ctx, upstream, route));
  try {
    const { response } = await sendWrite(ctx, upstream, route, copy);
    const { status } = response;
    // The page of a sign-on takes nothing.
    const ok = response.ok && isFirstHand(response);
    if (ok) await accepted(ctx, upstream, route, response, copy);
    else if (status >= 500 || status === 408) doubted();
    return relayUnlessStalled(ctx, upstream, ok ? response : await heal(ctx, upstream, route, response, copy));
  } catch (unreached) {
    doubted();
    throw unreached;
  }
}

async function accepted(
  ctx: RequestContext,
  upstream: Upstream,
  route: PushRoute,
  response: Response,
  copy: Copy | undefined,
): Promise<void> {
  const dropped = allDone([
    drop(ctx, upstream, route, response.headers),
    forgetBlobTypes(ctx, upstream, route.name, copy),
  ]);
  ctx.waitUntil(dropped);
  if (response.status === 201 && copy && isStorable(ctx, upstream, response)) {
    await storePushed(ctx, upstream, route, response, copy);
  }
  await dropped;
}

/** An origin that did not say may have taken the manifest all the same, or take it yet. A stranger drops nothing. */
async function dropUnknown(ctx: RequestContext, upstream: Upstream, route: PushRoute): Promise<void> {
  if (!(await hasReadContent(ctx, upstream, route.name))) return;
  await drop(ctx, upstream, route, undefined, tombstoneDurations(upstream.origin.timeoutMs).unknownOutcomeMs);
}

/**
 * What the push moved: of its subject the list of referrers too, which is one of the repository's. Where the tags lead now is
 * noted, for what moves them next.
 * @param headers of the answer, if the origin has taken the manifest
 */
async function drop(
  ctx: RequestContext,
  upstream: Upstream,
  { name, reference, search }: PushRoute,
  headers?: Headers,
  clearedForMs?: number,
): Promise<void> {
  upstream.lists.drop(name);
  const told = (headers?.get('oci-tag') ?? '').split(',').map((tag) => tag.trim());
  const named = [reference.text, ...new URLSearchParams(search).getAll('tag'), ...told];
  const moved = [...new Set(named.filter(isTag))];
  if (moved.length === 0) return;
  const answered = headers?.get('docker-content-digest') ?? reference.text;
  const to = headers && isDigest(answered) ? answered : undefined;
  try {
    await forgetTags(ctx, upstream, { name, tags: moved, to }, clearedForMs);
    if (to) ctx.waitUntil(noteMove(ctx, upstream, name, moved, to));
  } catch (fault) {
    // `TAG_TTL` bounds how long anybody is led to where it was.
    ctx.log.warn('a tag could not be dropped', { error: errorName(fault) });
  }
}

async function noteMove(
  ctx: RequestContext,
  { tags }: Upstream,
  name: RepositoryName,
  moved: string[],
  digest: Digest,
) {
  const pointer = { digest, verifiedAt: ctx.now() };
  await allDone(moved.map((tag) => tags.note(ctx, { name, tag }, pointer, true)));
}

async function storePushed(
  ctx: RequestContext,
  upstream: Upstream,
  { name, reference, search }: PushRoute,
  { headers }: Response,
  copy: Copy,
): Promise<void> {
  const answered = headers.get('docker-content-digest') ?? '';
  const asked = reference.kind === 'digest' ? reference.text : answered;
  const canonical = isDigest(answered) ? answered : asked;
  const pushed = await copy.whole(upstream.cacheTimeoutMs);
  const mediaType = pushed && mediaTypeOf(ctx.request.headers.get('content-type'), pushed.content);
  if (!pushed || !mediaType || !isDigest(asked) || !isDigest(canonical) || !isAboutOne(upstream, search)) return;
  const { content, sentAt } = pushed;
  const digests: Digest[] = [...new Set([asked, canonical])];
  const proofs = await Promise.all(digests.map((digest) => isContentOf(digest, content)));
  if (!proofs.every(Boolean)) return;
  const descriptor = { digest: canonical, size: content.length, mediaType };
  const item = contentItem(
    asked,
    repositoryItem(upstream, { name, links: 'manifests', digest: asked }, true),
    upstream.contents,
  );
  for (const digest of digests) upstream.absences.forget(ctx, name, 'manifests', digest);
  // What the origin would say to a HEAD nobody has heard.
  await storeProven(ctx, upstream, item, { descriptor, verifiedAt: sentAt, content, witness: 'GET' });
}

/** Further tags are no other question; what else a query says may be. */
function isAboutOne({ ownQueries }: Upstream, search: string): boolean {
  return ownQueries.has(search) || [...new URLSearchParams(search).keys()].every((key) => key === 'tag');
}
