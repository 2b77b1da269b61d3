import type { Entry } from '../oci/descriptor.ts';
import { isOriginFailure, RegistryError } from '../oci/errors.ts';

/**
 * What asking the origin gave: an entry (`confirmed`: the origin itself said so just now, and it is this request's to
 * store), or its answer as it is, to be relayed.
 */
export type OriginAnswer<E extends Entry = Entry> =
  | {
      readonly kind: 'found';
      readonly entry: E;
      readonly confirmed: boolean;
      /** Headers by which the origin spoke to this caller: for this one answer, never to be kept or shared. */
      readonly callerHeaders?: Readonly<Record<string, string>>;
    }
  /** `sentAtMs`: when the question was sent that this answers. */
  | { readonly kind: 'relay'; readonly response: Response; readonly sentAtMs: number };

/** How an origin failed to answer. */
export type OriginFailure = 'unreachable' | 'paused' | `origin-${number}`;

/** How the origin failed, where it is the origin that did: 401, 403 and 404 are its word. */
export async function failureOf(asked: Promise<OriginAnswer>): Promise<OriginFailure | undefined> {
  try {
    const answer = await asked;
    return answer.kind === 'relay' && isOriginFailure(answer.response.status)
      ? `origin-${answer.response.status}`
      : undefined;
  } catch (error) {
    return error instanceof RegistryError && error.code === 'ORIGIN_UNREACHABLE' ? 'unreachable' : undefined;
  }
}

/**
 * Whether the origin says that it does not have it.
 * @param isOpen it was asked for everybody: its refusal is of everybody, too
 */
export function isGone(answer: OriginAnswer, isOpen: boolean): answer is Extract<OriginAnswer, { kind: 'relay' }> {
  if (answer.kind === 'found') return false;
  const { status } = answer.response;
  return status === 404 || (isOpen && (status === 401 || status === 403));
}

/** Lets go of an answer that nobody will read. */
export async function discard(answer: OriginAnswer): Promise<void> {
  if (answer.kind === 'relay') await answer.response.body?.cancel();
}
