import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { entryOf, entryOfFirstByte, isFirstHand } from './confirmation.ts';
import type { BlobStat, OriginResponse } from './origin.ts';
import { isRedirect, MAX_REDIRECTS, type RedirectPolicy, redirectTarget } from './redirect.ts';

export interface BlobQuestion {
  readonly url: URL;
  readonly digest: Digest;
  /** For the origin; a redirect's target gets none of them. */
  readonly headers: Headers;
  readonly redirects: RedirectPolicy;
  exchange(method: 'HEAD' | 'GET', url: URL, headers: Headers): Promise<OriginResponse>;
}

/** Answers to a HEAD after which the size may still be learnt by a GET: a redirect, no size, no such method. */
const UNHELPFUL = new Set([200, 405, 501]);

/**
 * What the origin says of a blob.
 *
 * 1. HEAD at the origin. A 200 with a certain size is the answer.
 * 2. A redirect is resolved by a HEAD at its target (object storage), without any credential.
 * 3. Where neither tells the size (a URL signed for GET refuses HEAD), the first byte is asked for with a GET.
 * 4. If that does not help either, the origin's own answer is relayed and nothing is cached.
 */
export async function statBlob(question: BlobQuestion): Promise<BlobStat> {
  const head = await question.exchange('HEAD', question.url, question.headers);
  const told = await resolve(question, head, 'HEAD');
  if (told) return told;
  const { response } = head;
  if (!UNHELPFUL.has(response.status) && !isRedirect(response)) return { response, confirmed: false };

  const headers = new Headers(question.headers);
  headers.set('range', 'bytes=0-0');
  const get = await question.exchange('GET', question.url, headers);
  const learnt = await resolve(question, get, 'GET');
  await get.response.body?.cancel();
  if (learnt) return learnt;
  // A GET that failed is the better answer to a method that the origin does not know: HEAD must be 200 or 404.
  const unknownMethod = response.status === 405 || response.status === 501;
  return { response: unknownMethod && get.response.status >= 400 ? get.response : response, confirmed: false };
}

/** Follows redirects to an answer that tells the size; the origin's own answer stays the one that judges the caller. */
async function resolve(question: BlobQuestion, first: OriginResponse, method: 'HEAD' | 'GET') {
  const entryIn = method === 'HEAD' ? entryOf : entryOfFirstByte;
  let { response } = first;
  let firstHand = isFirstHand(response);
  let url = question.url;
  for (let hop = 0; hop < MAX_REDIRECTS && isRedirect(response); hop++) {
    const target = redirectTarget(response, url, question.redirects);
    if (!target) return undefined;
    url = target;
    ({ response } = await question.exchange(method, url, anonymousHeaders(method)));
    await response.body?.cancel();
    firstHand &&= isFirstHand(response);
  }
  const entry: Entry | undefined = entryIn(response, question.digest, first.sentAt);
  return entry && { response: first.response, entry, confirmed: firstHand };
}

function anonymousHeaders(method: 'HEAD' | 'GET'): Headers {
  const headers = new Headers({ accept: '*/*', 'accept-encoding': 'identity' });
  if (method === 'GET') headers.set('range', 'bytes=0-0');
  return headers;
}
