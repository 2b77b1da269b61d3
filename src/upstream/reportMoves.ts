import { algorithmOf, type Digest } from '../oci/digest.ts';
import { askTag, MAX_TAGS } from './checkTags.ts';
import type { Repository } from './repository.ts';

/** Where tags of `IMMUTABLE_TAGS` led before a push. */
export type Led = ReadonlyMap<string, Digest>;

/**
 * Asks where tags lead before a push that only reports their moves, and whose manifest passes as a stream: nothing may
 * be refused because it is too large to be held. What the origin does not say is not told.
 */
export async function askWhereLed(repository: Repository, tags: readonly string[]): Promise<Led> {
  const led = new Map<string, Digest>();
  if (tags.length > MAX_TAGS) report(repository);
  for (const tag of tags.slice(0, MAX_TAGS)) {
    const to = await askTag(repository, tag).catch(() => undefined);
    if (to === 'refused') break;
    if (typeof to === 'string' && to !== 'new') led.set(tag, to);
  }
  return led;
}

/** Tells that the origin has accepted a push that would have been denied. @param to the digest that it names */
export function reportMoves(repository: Repository, led: Led, to: Digest): void {
  const isMoved = [...led.values()].some((from) => algorithmOf(from) === algorithmOf(to) && from !== to);
  if (isMoved) report(repository);
}

function report({ ctx, upstream }: Repository): void {
  upstream.policies.deny(ctx, 'IMMUTABLE_TAGS', 'the push would be denied');
}
