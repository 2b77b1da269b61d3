import { allDone } from '../async.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { isTag } from '../oci/reference.ts';
import type { Route } from '../oci/route.ts';
import { tombstoneDurations } from '../stores/tombstone.ts';
import { errorName } from '../telemetry/log.ts';
import { forget, forgetInIsolate } from './forget.ts';
import { hasReadContent } from './recordAccess.ts';
import type { Repository } from './repository.ts';

/** What a PUT of a manifest asks for. */
export type PushRoute = Extract<Route, { kind: 'manifest' }>;

/** Returns the tags that a push would set; some servers also separate parameters by semicolons. */
export function tagsIn({ reference, search }: Pick<PushRoute, 'reference' | 'search'>): string[] {
  const query = new URLSearchParams(search.replaceAll(';', '&'));
  return [...new Set([reference.text, ...query.getAll('tag')])].filter(isTag);
}

/** Returns the digest of an accepted manifest, as far as the origin says it. */
export function pushedDigest({ reference }: PushRoute, { headers }: Response): Digest | undefined {
  const named = headers.get('docker-content-digest') ?? reference.text;
  return isDigest(named) ? named : undefined;
}

/** Drops the tags because the origin may have accepted the manifest, or may accept it yet. A stranger drops nothing. */
export async function dropAfterUnknownOutcome(
  repository: Repository,
  route: PushRoute,
  staying: ReadonlySet<string>,
): Promise<void> {
  if (!(await hasReadContent(repository))) return;
  const { unknownOutcomeMs } = tombstoneDurations(repository.upstream.origin.timeoutMs);
  await dropMoved(repository, route, { staying, clearedForMs: unknownOutcomeMs });
}

interface MoveOptions {
  /** Tags that never move, and led to the manifest before. */
  readonly staying: ReadonlySet<string>;
  /** The origin's answer, if it accepted the manifest. */
  readonly accepted?: Response;
  /** As for `Tags.drop`. */
  readonly clearedForMs?: number;
}

/**
 * Drops what the push changed: the repository's lists (its subject's referrers are one of them) and the tags that
 * moved. Where they point now is noted for the next push or delete that moves them.
 */
export async function dropMoved(
  repository: Repository,
  route: PushRoute,
  { accepted, staying, clearedForMs }: MoveOptions,
): Promise<void> {
  const { ctx, upstream, name } = repository;
  const acknowledged = (accepted?.headers.get('oci-tag') ?? '').split(',').map((tag) => tag.trim());
  const set = new Set([...tagsIn(route), ...acknowledged.filter(isTag)]);
  const moved = [...set].filter((tag) => !staying.has(tag));
  if (moved.length === 0) return forgetInIsolate(upstream, name);
  const to = accepted && pushedDigest(route, accepted);
  if (to) for (const tag of moved) upstream.recentTags.add(ctx, name, tag, to);
  try {
    await forget(repository, { digests: new Set(), tags: moved, to, clearedForMs });
    if (to) ctx.waitUntil(noteMove(repository, moved, to));
  } catch (fault) {
    // The push stands all the same: `TAG_TTL` bounds how long the old pointer answers.
    ctx.log.warn('moved tags could not be dropped', { error: errorName(fault) });
  }
}

async function noteMove({ ctx, upstream, name }: Repository, moved: readonly string[], digest: Digest): Promise<void> {
  const pointer = { digest, verifiedAt: ctx.now() };
  await allDone(moved.map((tag) => upstream.tags.note(ctx, { name, tag }, pointer, true)));
}
