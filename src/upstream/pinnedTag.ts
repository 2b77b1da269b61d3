import { within } from '../async.ts';
import { lookUp } from '../cache/lookup.ts';
import { writeBack } from '../cache/writeBack.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import { MANIFEST_EXISTENCE } from './existence.ts';
import { completeItemOf, isAccepted, itemOf, type Question } from './question.ts';
import type { Repository } from './repository.ts';
import { mayStoreAnswersTo } from './storeFromPush.ts';

/**
 * Returns the manifest to which a tag of `IMMUTABLE_TAGS` has led until now, if the origin says that it leads to another
 * one: the move is not followed, and the log tells it. Where policies are only reported, it is told and followed.
 * @param named what the origin says
 * @returns `undefined` also if the manifest is gone from cache and origin
 * @throws RegistryError ORIGIN_UNREACHABLE: the origin does not say whether it is
 */
export async function findPinned<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  named: E,
): Promise<E | undefined> {
  const { ctx, upstream, name } = repository;
  const { reference } = question;
  if (reference.kind !== 'tag' || !upstream.policies.isImmutable(name, reference.text)) return undefined;
  // What this caller was told to be absent has to be evicted before.
  await repository.untilProved();
  const from = await findDigest(repository, question);
  if (from === undefined || from === named.descriptor.digest) return undefined;
  if (!upstream.policies.keepsTag(ctx, name, reference.text)) return undefined;
  const kept = await findManifest(repository, question, from);
  const outcome = kept ? 'is not followed' : 'has to be followed, since the manifest is gone';
  ctx.log.warn(`a tag of IMMUTABLE_TAGS has moved at the origin, which ${outcome}`, {
    ...{ repository: name, tag: reference.text },
    ...{ from, to: named.descriptor.digest },
  });
  return kept;
}

/** Returns where the tag has led callers to who accept what this one does. */
async function findDigest<E extends Entry>(repository: Repository, question: Question<E>): Promise<Digest | undefined> {
  const { upstream, ctx } = repository;
  const existence = { ...question, kind: MANIFEST_EXISTENCE };
  for (const itemIn of [itemOf, completeItemOf]) {
    const found = await within(lookUp(ctx, itemIn(repository, existence)), upstream.cacheTimeoutMs);
    if (found?.outcome === 'hit' && isAccepted(question, found.entry)) return found.entry.descriptor.digest;
  }
  return undefined;
}

/** Returns the manifest: the stored one, or that of the origin, which may have been asked only whether it exists. */
async function findManifest<E extends Entry>(
  repository: Repository,
  { kind, target, accept }: Question<E>,
  digest: Digest,
): Promise<E | undefined> {
  const { upstream, ctx, name } = repository;
  const stored = await within(lookUp(ctx, kind.item(repository, digest)), upstream.cacheTimeoutMs);
  if (stored?.outcome === 'hit' && kind.isWitnessed(repository, stored.entry)) return stored.entry;
  const byDigest = { path: `/v2/${name}/manifests/${digest}`, search: target.search };
  const reference = { kind: 'digest', text: digest } as const;
  const asked = await kind.ask(repository, { kind, target: byDigest, reference, accept: accept ?? null }, {});
  if ('stored' in asked) return asked.stored;
  const { found, response } = asked;
  if (!found && response.status !== 404) throw unknown();
  // The next caller is answered without the origin.
  if (found?.isFirstHand && mayStoreAnswersTo(ctx, upstream))
    writeBack(ctx, kind.item(repository, digest), found.entry);
  return found?.entry;
}

function unknown(): RegistryError {
  return new RegistryError('ORIGIN_UNREACHABLE', {
    message: 'the origin does not give the manifest of a tag that never moves (IMMUTABLE_TAGS)',
  });
}
