import { allDone } from '../../async.ts';
import type { RequestContext } from '../../context.ts';
import type { Copy } from '../../http/body/copies.ts';
import { sendHeld } from '../../http/body/heldBody.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { isContentOf } from '../../oci/hash.ts';
import { servedMediaType } from '../../oci/manifest.ts';
import { neededBlobs } from '../../oci/neededBlobs.ts';
import { isFirstHand } from '../../origin/confirmation.ts';
import { checkBlobs } from '../../upstream/checkBlobs.ts';
import { checkTags } from '../../upstream/checkTags.ts';
import { forgetBlobTypes } from '../../upstream/forgetBlobTypes.ts';
import { heal } from '../../upstream/heal.ts';
import { MANIFEST_CONTENT } from '../../upstream/manifestContent.ts';
import { dropAfterUnknownOutcome, dropMoved, type PushRoute, pushedDigest, tagsIn } from '../../upstream/movedTags.ts';
import { askWhereLed, reportMoves } from '../../upstream/reportMoves.ts';
import { Repository } from '../../upstream/repository.ts';
import { sendWrite } from '../../upstream/sendWrite.ts';
import { isStorable, storeProven } from '../../upstream/storeFromPush.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { holdManifest, isChecked } from './holdManifest.ts';
import { relayUnlessStalled } from './relay.ts';

/**
 * Answers a PUT of a manifest (distribution-spec, "Pushing manifests").
 *
 * 1. No tag moves that never moves (`checkTags`), and the blobs that the manifest needs are confirmed (`checkBlobs`).
 *    Until then it is held, and nothing is sent.
 * 2. The manifest goes to the origin. If it was not held, it passes as a stream, and is copied here unless it is larger
 *    than registries accept.
 * 3. When the origin accepts it, the tags that moved and the repository's lists are dropped, and the manifest is stored
 *    if its digest proves it; all before the reply.
 * 4. When the origin refuses it, the cache forgets what the manifest names (`heal`), before the reply.
 * @throws RegistryError as `holdManifest`, `checkBlobs` and `sendWrite`
 */
export async function pushManifest(ctx: RequestContext, upstream: Upstream, route: PushRoute): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const repository = new Repository(ctx, upstream, route.name);
  const immutable = tagsIn(route).filter((tag) => upstream.policies.isImmutable(route.name, tag));
  const isHeld = isChecked(upstream) || immutable.some((tag) => upstream.policies.isPinned(route.name, tag));
  const manifest = isHeld ? await holdManifest(ctx, upstream) : undefined;
  const staying = isHeld ? await check(repository, manifest, immutable) : NO_TAGS;
  if (staying instanceof Response) return relayUnlessStalled(ctx, upstream, staying);
  const led = isHeld ? undefined : await askWhereLed(repository, immutable);
  const copy = manifest ? sendHeld(ctx, manifest) : upstream.copies.copyOf(ctx);
  const dropLater = () => ctx.waitUntil(dropAfterUnknownOutcome(repository, route, staying));
  try {
    const { response } = await sendWrite(ctx, upstream, route, copy);
    const { status } = response;
    // A 200 that is the page of a sign-on accepted nothing.
    const isAccepted = response.ok && isFirstHand(response);
    const to = isAccepted ? pushedDigest(route, response) : undefined;
    if (led && to) reportMoves(repository, led, to);
    if (isAccepted) await recordPush(repository, route, { response, copy, staying });
    else if (status >= 500 || status === 408) dropLater();
    const { reference } = route;
    const relayed = isAccepted ? response : await heal(repository, { reference, refusal: response, copy });
    return relayUnlessStalled(ctx, upstream, relayed);
  } catch (unreached) {
    dropLater();
    throw unreached;
  }
}

const NO_TAGS: ReadonlySet<string> = new Set();

/** Makes sure that the manifest may go on. @returns as `checkTags` */
async function check(
  repository: Repository,
  manifest: Uint8Array | undefined,
  immutable: readonly string[],
): Promise<Response | ReadonlySet<string>> {
  // A request without a body would move a tag, too, where the origin accepts whatever it is sent.
  const staying = await checkTags(repository, immutable, manifest ?? new Uint8Array());
  if (staying instanceof Response || !manifest || !isChecked(repository.upstream)) return staying;
  return (await checkBlobs(repository, neededBlobs(manifest))) ?? staying;
}

interface AcceptedPush {
  readonly response: Response;
  /** The manifest. */
  readonly copy: Copy | undefined;
  /** Tags that never move, and led to the manifest before. */
  readonly staying: ReadonlySet<string>;
}

async function recordPush(repository: Repository, route: PushRoute, accepted: AcceptedPush): Promise<void> {
  const { response, copy, staying } = accepted;
  const dropped = allDone([
    dropMoved(repository, route, { accepted: response, staying }),
    forgetBlobTypes(repository, copy),
  ]);
  repository.ctx.waitUntil(dropped);
  if (response.status === 201 && isStorable(repository, response)) await storePushed(repository, route, accepted);
  await dropped;
}

/** Stores the pushed manifest, if its bytes match every digest by which it is known. */
async function storePushed(
  repository: Repository,
  { reference, search }: PushRoute,
  { response: { headers }, copy }: AcceptedPush,
): Promise<void> {
  const { ctx, upstream, name } = repository;
  const named = headers.get('docker-content-digest') ?? '';
  const asked = reference.kind === 'digest' ? reference.text : named;
  const canonical = isDigest(named) ? named : asked;
  const pushed = await copy?.whole(upstream.cacheTimeoutMs);
  const mediaType = pushed && servedMediaType(ctx.request.headers.get('content-type'), pushed.content);
  if (!pushed || !mediaType || !isDigest(asked) || !isDigest(canonical) || !isPlainPush(upstream, search)) return;
  const { content, sentAt } = pushed;
  const digests: Digest[] = [...new Set([asked, canonical])];
  const proofs = await Promise.all(digests.map((digest) => isContentOf(digest, content)));
  if (!proofs.every(Boolean)) return;
  const descriptor = { digest: canonical, size: content.length, mediaType };
  const item = MANIFEST_CONTENT.item(repository, asked);
  for (const digest of digests) upstream.absences.forget(ctx, name, 'manifests', digest);
  // The media type that the origin tells a HEAD is not known yet.
  await storeProven(repository, item, { descriptor, verifiedAt: sentAt, content, witness: 'GET' });
}

/** Whether the query only adds tags: any other may change what the push is about. */
function isPlainPush({ ownQueries }: Upstream, search: string): boolean {
  return ownQueries.has(search) || [...new URLSearchParams(search).keys()].every((key) => key === 'tag');
}
