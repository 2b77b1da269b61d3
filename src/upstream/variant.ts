import { ALL_TYPES_OF_TODAY, typesOfToday, variantOf } from '../oci/mediaTypes.ts';
import type { ContentRequest } from './question.ts';

/** Returns what else the answer depends on: the media types that the caller accepts, and the registry that it names. */
export function variantIn({ accept, target: { search } }: ContentRequest): string {
  return accept === undefined ? search : `${variantOf(accept)} ${decodeURIComponent(search)}`;
}

/**
 * Returns the variant of a tag that never moves, or of an archive. Clients of one kind may not be led elsewhere than those
 * of another kind, so all that accept the same types of today share one, whatever else they send.
 */
export function pinnedVariant({ accept = null }: ContentRequest): string {
  return `pinned ${typesOfToday(accept)}`;
}

/** The pinned variant of callers who accept every type of today. */
export const COMPLETE_VARIANT = `pinned ${ALL_TYPES_OF_TODAY}`;
