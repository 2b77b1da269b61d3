import { timingSafeEqual } from 'hono/utils/buffer';
import type { User } from '../http/userSettings.ts';
import { RegistryError } from '../oci/errors.ts';
import { hexOf } from '../oci/hash.ts';
import { parseRoute, type Route, splitUrl, type Target } from '../oci/route.ts';

type UploadRoute = Extract<Route, { kind: 'upload' }>;

/**
 * Whose the uploads are. To the origin, all are those of the edge's account. So the address of each bears a mark of the
 * user who began it, which every isolate can verify and no user can make.
 */
export interface UploadOwners {
  /** Marks the address in the answer to a request about an upload, if it is that of an upload. */
  mark(user: User, answer: Response): Promise<void>;
  /**
   * Returns a request about an upload without its mark, as the origin knows it.
   * @throws RegistryError BLOB_UPLOAD_UNKNOWN: the user did not begin it, or the address is not one that the edge gave
   */
  claim(user: User, route: UploadRoute): Promise<UploadRoute>;
}

const MARK = 'edge-user';
/** What clients add to the address. */
const ADDED = ['digest', 'ns'];

/** @param secret what no user knows, the same in every isolate */
export function createUploadOwners(secret: string): UploadOwners {
  let keyed: Promise<CryptoKey> | undefined;

  /** Clients write the query anew, in another order: the parameters are sorted. */
  async function markOf({ name }: User, { path, search }: Target): Promise<string> {
    const parameters = [...new URLSearchParams(search)].filter(([key]) => !ADDED.includes(key));
    const text = JSON.stringify([name, path, parameters.map((parameter) => JSON.stringify(parameter)).sort()]);
    keyed ??= keyOf(secret);
    return hexOf(await crypto.subtle.sign('HMAC', await keyed, new TextEncoder().encode(text)));
  }

  return {
    async mark(user, { headers }) {
      const location = headers.get('location');
      const route = location === null ? undefined : uploadAt(location);
      if (!route) return;
      headers.set('location', `${location}${route.search === '' ? '?' : '&'}${MARK}=${await markOf(user, route)}`);
    },
    async claim(user, route) {
      const { mark, search } = withoutMark(route.search);
      const upload = { ...route, search };
      if (!(await timingSafeEqual(mark, await markOf(user, upload)))) {
        throw new RegistryError('BLOB_UPLOAD_UNKNOWN', { message: 'this is no upload of this user: begin a new one' });
      }
      return upload;
    },
  };
}

/**
 * Parts the mark from the rest of a query, which stays as the client wrote it. The last one is this edge's: an origin
 * that is such an edge has put its own before it.
 */
function withoutMark(search: string): { readonly mark: string; readonly search: string } {
  const parameters = search.slice(1).split('&');
  const at = parameters.findLastIndex((parameter) => parameter.startsWith(`${MARK}=`));
  if (at < 0) return { mark: '', search };
  const [marked = ''] = parameters.splice(at, 1);
  return { mark: marked.slice(MARK.length + 1), search: parameters.length > 0 ? `?${parameters.join('&')}` : '' };
}

/** @param location as `rewriteLocation` gives it: a path is one on the edge */
function uploadAt(location: string): UploadRoute | undefined {
  if (!location.startsWith('/')) return undefined;
  const route = parseRoute(splitUrl(`http://edge${location}`));
  return route.kind === 'upload' ? route : undefined;
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`uploads ${secret}`));
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}
