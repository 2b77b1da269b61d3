import type { AskedAs } from '../http/identity.ts';
import type { Entry } from '../oci/descriptor.ts';
import { isOriginFailure, RegistryError } from '../oci/errors.ts';

/**
 * The outcome of a request to the origin: an entry, or a response to relay as it is.
 * `confirmed`: the origin itself has just confirmed the entry, and this request is the one to store it.
 */
export type OriginAnswer<E extends Entry = Entry> =
  | {
      readonly kind: 'found';
      readonly entry: E;
      readonly confirmed: boolean;
      /** Whether it was read from the store, which others may do as well, in place of an answer of the origin. */
      readonly isStored?: boolean;
      /** The origin's headers for this caller alone: they go into this one reply and are never stored or shared. */
      readonly callerHeaders?: Readonly<Record<string, string>>;
    }
  /**
   * `sentAtMs`: when the request was sent that this response answers (epoch ms). `isLost`: the response redirects to
   * storage that does not have the content.
   */
  | {
      readonly kind: 'relay';
      readonly response: Response;
      readonly sentAtMs: number;
      readonly isLost?: boolean | undefined;
    };

/** How an origin failed to answer. */
export type OriginFailure = 'unreachable' | 'paused' | `origin-${number}`;

/**
 * Returns how the origin failed, if it did. 401, 403 and 404 are answers, not failures.
 * @param keepsDeleted whether a 404, also of the origin's storage, counts as a failure all the same: `KEEP_DELETED=keep`
 */
export async function originFailureOf(
  asking: Promise<OriginAnswer>,
  keepsDeleted: boolean,
): Promise<OriginFailure | undefined> {
  try {
    const answer = await asking;
    if (answer.kind === 'found') return undefined;
    const status = answer.isLost ? 404 : answer.response.status;
    return isOriginFailure(status) || (keepsDeleted && status === 404) ? `origin-${status}` : undefined;
  } catch (error) {
    return error instanceof RegistryError && error.code === 'ORIGIN_UNREACHABLE' ? 'unreachable' : undefined;
  }
}

/**
 * Whether the origin says that nobody gets this content from it.
 * @param askedAs as whom it was asked: a refusal of `nobody` holds for everybody
 * @param keepsDeleted whether a 404 is none that matters: `KEEP_DELETED=keep`
 */
export function isDenied(
  answer: OriginAnswer,
  askedAs: AskedAs = 'caller',
  keepsDeleted = false,
): answer is Extract<OriginAnswer, { kind: 'relay' }> {
  if (answer.kind === 'found') return false;
  const { status } = answer.response;
  return (status === 404 && !keepsDeleted) || (askedAs === 'nobody' && (status === 401 || status === 403));
}

/** Cancels the body of an answer that nobody will read. */
export async function discard(answer: OriginAnswer): Promise<void> {
  if (answer.kind === 'relay') await answer.response.body?.cancel();
}
