import { COMPLETE_VARIANT, isComplete, variantOf } from '../oci/mediaTypes.ts';
import type { ContentRequest } from './question.ts';

/** Returns what else the answer depends on: the media types that the caller accepts, and the registry that it names. */
export function variantIn(request: ContentRequest): string {
  const { accept, target } = request;
  return accept === undefined ? target.search : keyOf(variantOf(accept), request);
}

/**
 * Returns the variant of a tag that never moves: clients of one kind may not be led elsewhere than those of another
 * kind, so all that accept every type of today share one.
 */
export function pinnedVariant(request: ContentRequest): string {
  return request.accept !== undefined && isComplete(request.accept) ? completeVariant(request) : variantIn(request);
}

/** Returns the variant of callers who accept every type of today. */
export function completeVariant(request: ContentRequest): string {
  return keyOf(COMPLETE_VARIANT, request);
}

function keyOf(accepted: string, { target: { search } }: ContentRequest): string {
  return `${accepted} ${decodeURIComponent(search)}`;
}
