import { withErrorBody } from '../http/errorBody.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { isOriginFailure, RegistryError } from '../oci/errors.ts';
import { isContentOf } from '../oci/hash.ts';
import { ALL_MANIFESTS } from '../oci/mediaTypes.ts';
import { isFromCache } from '../origin/confirmation.ts';
import type { Repository } from './repository.ts';

/** Each costs a question. */
export const MAX_TAGS = 100;

/**
 * Checks, before a manifest goes to the origin, that it moves no tag of `IMMUTABLE_TAGS`. The origin is asked where each
 * of them leads, with the caller's credential. Where policies are only reported, nothing that goes wrong with that
 * changes the answer.
 * @param tags those that the push would set
 * @returns the origin's own failure, with which the manifest is answered; otherwise the manifest may go on, and these tags
 *   lead to it already
 * @throws RegistryError DENIED: a tag leads to another manifest, or there are too many; ORIGIN_UNREACHABLE: nobody can
 *   tell
 */
export async function checkTags(
  repository: Repository,
  tags: readonly string[],
  manifest: Uint8Array,
): Promise<Response | ReadonlySet<string>> {
  const { ctx, name } = repository;
  const { policies } = repository.upstream;
  if (tags.length > MAX_TAGS) {
    policies.deny(ctx, 'IMMUTABLE_TAGS', `a push sets at most ${MAX_TAGS} tags that never move: push once more`);
  }
  const staying = new Set<string>();
  for (const tag of tags.slice(0, MAX_TAGS)) {
    const isEnforced = policies.isPinned(name, tag);
    const verdict = await judge(repository, tag, manifest).catch((error: unknown) => {
      if (isEnforced) throw error;
      return undefined;
    });
    if (verdict === 'refused') break;
    if (verdict === 'stays' && isEnforced) staying.add(tag);
    if (verdict === 'moves') {
      policies.deny(ctx, 'IMMUTABLE_TAGS', `the tag ${tag} leads to another manifest, and never moves`);
    }
    if (verdict instanceof Response && isEnforced) return verdict;
  }
  return staying;
}

/** Returns what a push does to a tag, or what `askTag` returns. @throws as `askTag` */
async function judge(
  repository: Repository,
  tag: string,
  manifest: Uint8Array,
): Promise<'stays' | 'moves' | 'new' | 'refused' | Response> {
  const led = await askTag(repository, tag);
  if (led === 'new' || led === 'refused' || led instanceof Response) return led;
  return (await isContentOf(led, manifest)) ? 'stays' : 'moves';
}

/**
 * Asks the origin where a tag leads.
 * @returns `new`: nowhere, or the origin will judge the caller; `refused`: the origin does not know the caller, and will
 *   judge the push; a response: the origin's failure
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export async function askTag(
  { ctx, upstream, name }: Repository,
  tag: string,
): Promise<Digest | 'new' | 'refused' | Response> {
  const question = { method: 'HEAD', as: 'question', accept: ALL_MANIFESTS, signal: ctx.signal } as const;
  const { response } = await upstream.origin.send(ctx, `/v2/${name}/manifests/${tag}`, question);
  const { status, headers } = response;
  if (status === 401) return 'refused';
  // A cache on the way may not know yet that the tag was set.
  if (status === 404 && isFromCache(response)) throw unknown();
  if (status === 404 || status === 403) return 'new';
  if (isOriginFailure(status)) return withErrorBody(response, status === 429 ? 'TOOMANYREQUESTS' : 'UNAVAILABLE');
  const digest = headers.get('docker-content-digest') ?? '';
  if (!response.ok || !isDigest(digest)) throw unknown();
  return digest;
}

function unknown(): RegistryError {
  return new RegistryError('ORIGIN_UNREACHABLE', {
    message: 'the origin does not say where the tag leads, which never moves (IMMUTABLE_TAGS)',
  });
}
