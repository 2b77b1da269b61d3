import { callerHeaders } from '../http/headers.ts';
import { isRedirect } from '../http/redirects.ts';
import { RegistryError } from '../oci/errors.ts';
import { isFirstHand, isPage, sizeOf } from './confirmation.ts';
import type { OriginResponse } from './origin.ts';
import { anonymousHeaders, MAX_REDIRECTS, type RedirectPolicy, redirectTarget } from './redirect.ts';

export interface Following {
  readonly redirects: RedirectPolicy;
  /** The client's `Range`. */
  readonly range: string | null;
  /** Sends a GET to a redirect's target. @throws RegistryError ORIGIN_UNREACHABLE */
  follow(url: URL, headers: Headers): Promise<OriginResponse>;
}

/** The headers of object storage that describe the content, and not the storage. */
const CONTENT_HEADERS = ['content-encoding', 'content-length', 'content-range', 'content-type', 'last-modified'];

/** Where redirects led. */
export interface Followed {
  /**
   * The content, with the origin's headers for this caller; or the redirect itself where it leads to a host that is not
   * allowed, or back.
   */
  readonly response: Response;
  /** The targets, in their order, if the last one answered first-hand, with content of a certain size. */
  readonly trail: readonly URL[];
}

/**
 * Follows the origin's redirect to the content, without any credential.
 * @throws RegistryError ORIGIN_UNREACHABLE: the redirects do not end at content
 */
export async function followRedirects(
  first: Response,
  from: URL,
  { redirects, range, follow }: Following,
): Promise<Followed> {
  let response = first;
  let url = from;
  const trail: URL[] = [];
  for (let hop = 0; hop < MAX_REDIRECTS && isRedirect(response); hop++) {
    const target = redirectTarget(response, url, redirects);
    const leadsBack = target !== undefined && [from, ...trail].some(({ href }) => href === target.href);
    if (response === first && (!target || leadsBack)) return { response, trail: [] };
    if (leadsBack) break;
    await response.body?.cancel();
    if (!target) return { response: withoutBody(first), trail: [] };
    response = (await follow(target, anonymousHeaders(range))).response;
    url = target;
    trail.push(url);
  }
  const { status, body } = response;
  const isContent = (status === 200 || status === 206) && !isPage(response);
  if (!isContent && status !== 416) {
    await body?.cancel();
    throw new RegistryError('ORIGIN_UNREACHABLE', {
      message: 'the storage of the origin did not deliver the content: try again',
    });
  }
  const headers = new Headers(callerHeaders(first.headers));
  const vary = first.headers.get('vary');
  if (vary !== null) headers.set('vary', vary);
  for (const name of CONTENT_HEADERS) {
    const value = response.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const isProof = isFirstHand(first) && isFirstHand(response) && sizeOf(response) !== undefined;
  return { response: new Response(body, { status, headers }), trail: isProof ? trail : [] };
}

/** Copies a redirect whose body was cancelled. */
function withoutBody({ status, headers: given }: Response): Response {
  const headers = new Headers(given);
  headers.delete('content-length');
  return new Response(null, { status, headers });
}
