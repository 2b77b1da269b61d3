import { isRedirect } from '../http/redirects.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import { entryOf, entryOfFirstByte, isFirstHand, isPage } from './confirmation.ts';
import type { ContentStat, OriginResponse } from './origin.ts';
import { anonymousHeaders, MAX_REDIRECTS, redirectTarget } from './redirect.ts';
import { judgeStorage, type StorageKnowledge } from './storage.ts';

const FIRST_BYTE = 'bytes=0-0';

export interface BlobQuestion extends StorageKnowledge {
  readonly url: URL;
  readonly digest: Digest;
  /** For the origin only; a redirect's target gets none of them. */
  readonly headers: Headers;
  /** Sends one request. @throws RegistryError ORIGIN_UNREACHABLE */
  exchange(method: 'HEAD' | 'GET', url: URL, headers: Headers): Promise<OriginResponse>;
}

/**
 * Asks the origin for a blob's descriptor.
 *
 * 1. It sends a HEAD to the origin. A 200 with a certain size is the answer.
 * 2. A redirect is resolved by a HEAD to its target (object storage), without any credential.
 * 3. If neither states the size (a URL signed for GET refuses HEAD), it asks for the first byte with a GET.
 * 4. If that does not help either, the origin's own answer is relayed and nothing is cached. This happens at once where
 *    redirects lead back or do not end, since the GET would do the same.
 *
 * So it sends at most two requests and three for the redirects of each, and four in all where redirects do not end.
 * @throws RegistryError ORIGIN_UNREACHABLE: step 1 has no answer. Later failures only mean that the step does not help.
 */
export async function statBlob(question: BlobQuestion): Promise<ContentStat> {
  const head = await question.exchange('HEAD', question.url, question.headers);
  const { response } = head;
  const byHead = await resolve(question, head, 'HEAD');
  if (byHead === 'endless') return { response, method: 'HEAD' };
  if (byHead && byHead !== 'lost') return byHead;
  const lacksMethod = response.status === 405 || response.status === 501;
  if (response.status !== 200 && !lacksMethod && !isRedirect(response)) return { response, method: 'HEAD' };

  const headers = new Headers(question.headers);
  headers.set('range', FIRST_BYTE);
  const get = await unlessUnreachable(question.exchange('GET', question.url, headers));
  if (!get) return { response, method: 'HEAD' };
  const byGet = await resolve(question, get, 'GET');
  await get.response.body?.cancel();
  if (byGet === 'lost') return { response, method: 'HEAD', isLost: true };
  if (byGet && byGet !== 'endless') return byGet;
  // If the origin does not support HEAD, the failed GET is the better answer: a client expects 200 or 404.
  return { response: lacksMethod && get.response.status >= 400 ? get.response : response, method: 'HEAD' };
}

/**
 * Follows redirects to an answer that states the size. The origin's own answer stays the one that judges the caller.
 * @returns `endless` where the redirects lead back, or are too many; `lost` where they end at a 404; `undefined` where
 *   they do not end at the content either
 */
async function resolve(
  question: BlobQuestion,
  first: OriginResponse,
  method: 'HEAD' | 'GET',
): Promise<ContentStat | 'endless' | 'lost' | undefined> {
  let { response } = first;
  let firstHand = isFirstHand(response);
  let url = question.url;
  const trail: URL[] = [];
  const sent = anonymousHeaders(method === 'GET' ? FIRST_BYTE : null);
  for (let hop = 0; hop < MAX_REDIRECTS && isRedirect(response); hop++) {
    const target = redirectTarget(response, url, question.redirects);
    if (target && [question.url, ...trail].some(({ href }) => href === target.href)) return 'endless';
    const next = target && (await unlessUnreachable(question.exchange(method, target, sent)));
    if (!next) return undefined;
    url = target;
    trail.push(url);
    response = next.response;
    await response.body?.cancel();
    // A login page: an origin behind a sign-on redirects callers whom it does not know.
    if (isPage(response)) return undefined;
    firstHand &&= isFirstHand(response);
  }
  if (isRedirect(response)) return 'endless';
  if (response.status === 404 && response !== first.response) return 'lost';
  const readEntry = method === 'HEAD' ? entryOf : entryOfFirstByte;
  const entry: Entry | undefined = readEntry(response, question.digest, first.sentAt);
  if (!entry) return undefined;
  const isContent = response.status === 200 || response.status === 206;
  const isDirect = trail.length === 0;
  const storage = firstHand && isContent && judgeStorage(trail, question.digest, question);
  return {
    response: first.response,
    method,
    found: { entry, isFirstHand: firstHand, isDirect, ...storage },
  };
}

/** @returns the answer, or `undefined` where nobody can be reached */
async function unlessUnreachable(exchange: Promise<OriginResponse>): Promise<OriginResponse | undefined> {
  try {
    return await exchange;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'ORIGIN_UNREACHABLE') return undefined;
    throw error;
  }
}
