import { isRedirect } from '../http/redirects.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import { entryOf, entryOfFirstByte, isFirstHand, isPage } from './confirmation.ts';
import type { ContentStat, OriginResponse } from './origin.ts';
import { MAX_REDIRECTS, type RedirectPolicy, redirectTarget } from './redirect.ts';

export interface BlobQuestion {
  readonly url: URL;
  readonly digest: Digest;
  /** For the origin; a redirect's target gets none of them. */
  readonly headers: Headers;
  readonly redirects: RedirectPolicy;
  /** @throws RegistryError ORIGIN_UNREACHABLE */
  exchange(method: 'HEAD' | 'GET', url: URL, headers: Headers): Promise<OriginResponse>;
}

/**
 * What the origin says of a blob.
 *
 * 1. HEAD at the origin. A 200 with a certain size is the answer.
 * 2. A redirect is resolved by a HEAD at its target (object storage), without any credential.
 * 3. Where neither tells the size (a URL signed for GET refuses HEAD), the first byte is asked for with a GET.
 * 4. If that does not help either, the origin's own answer is relayed and nothing is cached; at once where redirects lead
 *    back, or too far, which a GET would only repeat.
 *
 * So a question makes at most two requests and three for the redirects of each, and four in all where those lead nowhere.
 * @throws RegistryError ORIGIN_UNREACHABLE: 1 has no answer. What fails after it has only told nothing.
 */
export async function statBlob(question: BlobQuestion): Promise<ContentStat> {
  const head = await question.exchange('HEAD', question.url, question.headers);
  const { response } = head;
  const told = await resolve(question, head, 'HEAD');
  if (told === 'astray') return { response, method: 'HEAD' };
  if (told) return told;
  const lacksMethod = response.status === 405 || response.status === 501;
  if (response.status !== 200 && !lacksMethod && !isRedirect(response)) return { response, method: 'HEAD' };

  const headers = new Headers(question.headers);
  headers.set('range', 'bytes=0-0');
  const get = await reached(question.exchange('GET', question.url, headers));
  if (!get) return { response, method: 'HEAD' };
  const learnt = await resolve(question, get, 'GET');
  await get.response.body?.cancel();
  if (learnt && learnt !== 'astray') return learnt;
  // A GET that failed is the better answer to a method that the origin does not know: HEAD must be 200 or 404.
  return { response: lacksMethod && get.response.status >= 400 ? get.response : response, method: 'HEAD' };
}

/**
 * Follows redirects to an answer that tells the size; the origin's own answer stays the one that judges the caller.
 * @returns `astray`: they lead back, or too far
 */
async function resolve(
  question: BlobQuestion,
  first: OriginResponse,
  method: 'HEAD' | 'GET',
): Promise<ContentStat | 'astray' | undefined> {
  let { response } = first;
  let firstHand = isFirstHand(response);
  let url = question.url;
  const seen = new Set([url.href]);
  let byStorage = question.redirects.hosts !== undefined && isRedirect(response);
  for (let hop = 0; hop < MAX_REDIRECTS && isRedirect(response); hop++) {
    const target = redirectTarget(response, url, question.redirects);
    if (target && seen.has(target.href)) return 'astray';
    const next = target && (await reached(question.exchange(method, target, anonymousHeaders(method))));
    if (!next) return undefined;
    url = target;
    seen.add(url.href);
    // Another registry would judge later.
    byStorage &&= !url.pathname.startsWith('/v2/');
    response = next.response;
    await response.body?.cancel();
    // A login page, not content: an origin behind a sign-on redirects whom it does not know.
    if (isPage(response)) return undefined;
    firstHand &&= isFirstHand(response);
  }
  if (isRedirect(response)) return 'astray';
  const entryIn = method === 'HEAD' ? entryOf : entryOfFirstByte;
  const entry: Entry | undefined = entryIn(response, question.digest, first.sentAt);
  if (!entry) return undefined;
  const direct = response === first.response;
  return {
    response: first.response,
    method: method,
    found: { entry, firstHand, direct, byStorage: byStorage && firstHand },
  };
}

function anonymousHeaders(method: 'HEAD' | 'GET'): Headers {
  const headers = new Headers({ accept: '*/*', 'accept-encoding': 'identity' });
  if (method === 'GET') headers.set('range', 'bytes=0-0');
  return headers;
}

/** An answer, or `undefined` where nobody is reached. */
async function reached(asked: Promise<OriginResponse>): Promise<OriginResponse | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'ORIGIN_UNREACHABLE') return undefined;
    throw error;
  }
}
