import type { Digest } from '../oci/digest.ts';
import { ALL_MANIFESTS, accepts, IMAGE_TYPES } from '../oci/mediaTypes.ts';
import type { Reference } from '../oci/reference.ts';
import type { Target } from '../oci/route.ts';
import { isFirstHand } from '../origin/confirmation.ts';
import { type Cooldown, isHeld, resolveHeld } from '../policy/cooldown.ts';
import type { Sight, Sighting } from '../stores/tagHistory.ts';
import { errorName } from '../telemetry/log.ts';
import { MANIFEST_EXISTENCE } from './existence.ts';
import { withRefusalBody } from './manifestContent.ts';
import { readContent } from './read.ts';
import type { Repository } from './repository.ts';

/** What a tag leads to for a caller that only pulls. */
export type ResolvedTag =
  /** `held`: the digest that counts; `undefined`: there is none yet. */
  | { readonly kind: 'seen'; readonly current: Digest; readonly held: Digest | undefined }
  /** The origin's refusal. */
  | { readonly kind: 'refused'; readonly response: Response }
  /** The origin does not name a digest, or the history cannot be read. */
  | { readonly kind: 'unknown' };

/** A tag, and the request for it. */
export interface TagRequest {
  readonly tag: string;
  readonly target: Target;
}

/**
 * Finds out to which digest a tag leads for a caller that only pulls. Where it leads now is asked as always, within the
 * window of the tag, and for every kind of manifest: what a client accepts must not move a tag.
 * @throws RegistryError as `readContent`
 */
export async function resolveTag(
  repository: Repository,
  cooldown: Cooldown,
  { tag, target }: TagRequest,
): Promise<ResolvedTag> {
  const reference: Reference = { kind: 'tag', text: tag };
  const question = { kind: MANIFEST_EXISTENCE, target, reference, accept: ALL_MANIFESTS };
  const { ctx, name, upstream } = repository;
  const askedAt = ctx.now();
  const outcome = await readContent(repository, question);
  if (outcome.kind === 'relay') {
    const { response } = outcome;
    if (isAbsence(repository, response)) await noteAbsence(repository, cooldown, { tag, at: askedAt });
    return namesNothing(response) ? { kind: 'unknown' } : { kind: 'refused', response: withRefusalBody(response) };
  }
  if (isKeptOnly(repository)) await noteAbsence(repository, cooldown, { tag, at: askedAt });
  const { descriptor, verifiedAt } = outcome.entry;
  // What never moves leads there now, whenever the origin was asked.
  const at = upstream.policies.isPinned(name, tag) ? ctx.now() : verifiedAt;
  // What the origin tells a caller with a further identity is nobody else's.
  const sight = ctx.caller === undefined ? undefined : { digest: descriptor.digest, at };
  const history = await readHistory(repository, cooldown, { tag, sight });
  repository.ctx.emit({ kind: 'resolved' });
  if (!history) return { kind: 'unknown' };
  return { kind: 'seen', current: descriptor.digest, held: resolveHeld(history, cooldown) };
}

/** Whether an answer to a HEAD neither refuses nor tells the digest; some origins implement none. */
function namesNothing({ status }: Response): boolean {
  return status < 400 || status === 405 || status === 501;
}

/** Whether the origin says that the tag leads nowhere. To a caller without a proof it may only say that. */
function isAbsence({ isGranted }: Repository, response: Response): boolean {
  return isGranted && response.status === 404 && isFirstHand(response);
}

/** Whether an archive has answered although the origin says that the tag leads nowhere (`KEEP_DELETED=keep`). */
function isKeptOnly({ ctx }: Repository): boolean {
  return ctx.events.some((event) => event.kind === 'forward' && event.detail === 'origin-404');
}

/** Notes that a tag leads nowhere: what it leads to when it is back begins anew. */
async function noteAbsence(
  repository: Repository,
  { history }: Cooldown,
  { tag, at }: { readonly tag: string; readonly at: number },
): Promise<void> {
  const { ctx, name } = repository;
  await orUnknown(repository, () => history.miss(ctx, { name, tag }, at));
}

/**
 * Returns the history of a tag.
 * @param sight is noted before
 * @returns `undefined`: it cannot be read
 */
function readHistory(
  repository: Repository,
  { history }: Cooldown,
  { tag, sight }: { readonly tag: string; readonly sight: Sight | undefined },
): Promise<readonly Sighting[] | undefined> {
  const { ctx, name } = repository;
  const of = { name, tag };
  return orUnknown(repository, () => (sight ? history.see(ctx, of, sight) : history.read(ctx, of)));
}

/**
 * Whether a cooldown would have changed the answer about a tag.
 * @param answered the digest that was answered
 */
export async function wouldHoldBack(
  repository: Repository,
  cooldown: Cooldown,
  { tag, answered }: { readonly tag: string; readonly answered: Digest },
): Promise<boolean> {
  const { ctx } = repository;
  // What the cache answered is no sight: nobody knows when the origin said so. Neither is what depends on what the
  // client accepts: some registries answer with one manifest of an index where the client accepts no index.
  const acceptsAll = IMAGE_TYPES.every((type) => accepts(ctx.request.headers.get('accept'), type));
  const isAsked = ctx.events.some((event) => event.kind === 'origin' && event.outcome === 200);
  const isSight = isAsked && acceptsAll && ctx.caller !== undefined;
  const sight = isSight ? { digest: answered, at: ctx.startedAt } : undefined;
  const history = await readHistory(repository, cooldown, { tag, sight });
  if (history?.length === 0) return cooldown.unknown === 'deny';
  return history !== undefined && resolveHeld(history, cooldown) !== answered;
}

/**
 * Whether a digest may be pulled by itself: a tag that was seen to lead there has done so for long enough, or none was
 * seen.
 * @returns `undefined`: the history cannot be read
 */
export async function isDigestHeld(
  repository: Repository,
  cooldown: Cooldown,
  digest: Digest,
): Promise<boolean | undefined> {
  const { ctx, name } = repository;
  const sightings = await orUnknown(repository, () => cooldown.history.ofDigest(ctx, name, digest));
  return sightings && (sightings.length === 0 || sightings.some((sighting) => isHeld(sighting, cooldown)));
}

async function orUnknown<T>(
  { ctx, name }: Pick<Repository, 'ctx' | 'name'>,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    ctx.log.warn('the history of tags cannot be read', { repository: name, error: errorName(error) });
    return undefined;
  }
}
