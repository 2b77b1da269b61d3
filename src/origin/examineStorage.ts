import type { Room } from '../http/body/budget.ts';
import { readBody } from '../http/body/readBody.ts';
import { isRedirect } from '../http/redirects.ts';
import { parseWholeNumber } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { digestOf, isContentOf } from '../oci/hash.ts';
import { isFirstHand, isPage } from './confirmation.ts';
import type { OriginResponse } from './origin.ts';
import { type RedirectPolicy, redirectTarget } from './redirect.ts';
import { judgeStorage } from './storage.ts';
import type { StoragePlace } from './storagePlaces.ts';

/**
 * Which blobs a place is examined with. A server may send a body of a few bytes, such as `{}`, whatever it is asked
 * for, and a large one costs more time than a Worker has.
 */
const MIN_EXAMINED_BYTES = 64;
const MAX_EXAMINED_BYTES = 64 * 1024;

export function isExaminable(size: number): boolean {
  return size >= MIN_EXAMINED_BYTES && size <= MAX_EXAMINED_BYTES;
}

export interface Examination {
  /** Of the blob at the origin. */
  readonly url: URL;
  readonly digest: Digest;
  /** In bytes, as the place has stated it. */
  readonly size: number;
  readonly place: StoragePlace;
  readonly redirects: RedirectPolicy;
  /** Holds the blob. */
  readonly room: Room;
  readonly timeoutMs: number;
  /**
   * Asks the origin for a blob of the same repository, as the same caller, and reads no body.
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  ask(method: 'HEAD' | 'GET', digest: Digest): Promise<OriginResponse>;
  /** Asks a redirect's target, as nobody. @throws RegistryError ORIGIN_UNREACHABLE */
  follow(url: URL): Promise<OriginResponse>;
}

export interface Examined {
  /** The origin's own answer to the GET of the blob. */
  readonly response: Response;
  /** Whether the place is the origin's storage. */
  readonly isStorage: boolean;
}

/**
 * Finds out whether a place is the origin's storage, by a small blob that it seems to have:
 *
 * - The origin redirects a GET of the blob to the place, which sends content that matches the digest.
 * - The origin does not have a blob that nobody can have, by a random digest. One that redirects whatever it is asked
 *   for has not looked, and neither judged the caller: so does a sign-on in front of a registry. Its page could match a
 *   digest, since whoever knows the page can ask for its digest.
 *
 * @returns `undefined` if the origin does not say that it lacks such a blob
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export async function examineStorage(examination: Examination): Promise<Examined | undefined> {
  const { digest, ask } = examination;
  const unknown = await digestOf(crypto.getRandomValues(new Uint8Array(32)));
  // Both at once, so that a client's next question but one finds the proof.
  const [absent, { response }] = await Promise.all([ask('HEAD', unknown), ask('GET', digest)]);
  if (absent.response.status !== 404) return undefined;
  return { response, isStorage: isFirstHand(response) && (await hasContent(examination, response)) };
}

/** Whether the origin's redirect leads to the place, and content there matches the digest. */
async function hasContent(examination: Examination, redirect: Response): Promise<boolean> {
  const { url, digest, size, place, redirects, room, timeoutMs, follow } = examination;
  const target = isRedirect(redirect) ? redirectTarget(redirect, url, redirects) : undefined;
  if (!target) return false;
  const verdict = judgeStorage([target], digest, { redirects, isProven: () => false });
  if (verdict.place?.key !== place.key) return false;
  const { response } = await follow(target);
  const isAsKnown = response.status === 200 && parseWholeNumber(response.headers.get('content-length')) === size;
  if (!isAsKnown || isPage(response)) {
    await response.body?.cancel();
    return false;
  }
  const read = await readBody(response, { room, maxBytes: MAX_EXAMINED_BYTES, timeoutMs });
  if ('bytes' in read) return isContentOf(digest, read.bytes);
  await read.stream.cancel();
  return false;
}
