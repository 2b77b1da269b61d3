import { IMAGE_TYPES } from '../../src/oci/mediaTypes.ts';
import type { Clock } from './context.ts';
import { createEdge, type Edge, type EdgeOptions } from './edge.ts';
import { manifestRequest, type PushedManifest, pushManifest } from './pushManifest.ts';

export const DAY_MS = 86_400_000;
/** What clients of today accept. */
export const EVERYTHING = IMAGE_TYPES.join(', ');

/** An open mirror with a cooldown of three days, which asks the origin where each tag leads. */
export const cooled = (variables: Record<string, string> = {}, options: EdgeOptions = {}) =>
  createEdge({ CLIENT_AUTH: 'anonymous', COOLDOWN: '3d', TAG_TTL: '0', ...variables }, options);

/** Pulls a tag. @returns what it led to, or the status */
export async function pull(
  edge: Edge,
  { tagPath }: PushedManifest,
  headers: Record<string, string> = {},
): Promise<string | number> {
  const answer = await edge.fetch(tagPath, manifestRequest('GET', EVERYTHING, headers));
  return answer.ok ? answer.text() : answer.status;
}

/** Moves the tag `latest` at the origin, past the edge, which has been asked before. */
export function move(
  { clock }: { readonly clock: Clock },
  { name }: PushedManifest,
  to?: PushedManifest,
): Promise<PushedManifest> {
  clock.advance(1);
  return pushManifest({ name, ...(to && { bytes: to.bytes }) });
}

/** Returns what the last line about a request says of policies. */
export function toldBy({ log }: Edge): unknown {
  const line = JSON.parse(log.findLast((one) => JSON.parse(one).message === 'request') ?? '{}');
  return line.denied ?? line.heldBack ?? line.reported;
}
