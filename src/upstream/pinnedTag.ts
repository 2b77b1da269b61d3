import { within } from '../async.ts';
import { lookUp } from '../cache/lookup.ts';
import type { Entry } from '../oci/descriptor.ts';
import { itemOf, type Question } from './question.ts';
import type { Repository } from './repository.ts';

/**
 * Returns the manifest to which a tag of `IMMUTABLE_TAGS` has led until now, if the origin says that it leads to another
 * one: the move is not followed, and the log tells it. Where policies are only reported, it is told and followed.
 * @param named what the origin says
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
  const found = await within(lookUp(ctx, itemOf(repository, question)), upstream.cacheTimeoutMs);
  if (found?.outcome !== 'hit' || found.entry.descriptor.digest === named.descriptor.digest) return undefined;
  if (!upstream.policies.keepsTag(ctx, name, reference.text)) return undefined;
  ctx.log.warn('a tag of IMMUTABLE_TAGS has moved at the origin, which is not followed', {
    ...{ repository: name, tag: reference.text },
    ...{ from: found.entry.descriptor.digest, to: named.descriptor.digest },
  });
  return found.entry;
}
