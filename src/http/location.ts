import { parseRoute, splitUrl } from '../oci/route.ts';
import { isRedirect } from './redirects.ts';

type ResponseHead = Pick<Response, 'status' | 'headers'>;

/**
 * Rewrites the addresses in an answer so that the client stays on the edge: a Location or a `Link` to the origin's own
 * host becomes a path on the edge. It has no scheme and no host, since only the client knows under which it reached the
 * edge (a proxy in between may end TLS). Clients resolve it against those, as they do with registries that only send
 * paths (zot, distribution with `relativeurls`).
 *
 * Other addresses are left to the client: object storage (byte for byte, since its URL is signed), and what the edge
 * would refuse, such as an upload service of the origin outside of `/v2/`.
 * @param edgeUrl `request.url`, whose path is the one below the origin's base
 * @returns the rewritten headers that the answer has
 */
export function rewriteLocation(edgeUrl: string, origin: URL, answer: ResponseHead): Record<string, string> {
  const rewrite = (reference: string) => edgeReference(reference, edgeUrl, origin) ?? reference;
  const location = isSchemeRedirect(edgeUrl, origin, answer) ? null : answer.headers.get('location');
  const link = answer.headers.get('link');
  return {
    ...(location !== null && { location: rewrite(location) }),
    ...(link !== null && { link: link.replace(/<([^<>]*)>/g, (_whole, reference) => `<${rewrite(reference)}>`) }),
  };
}

/**
 * Whether the origin redirects to the same address with the other scheme. Rewritten to the edge it would be the address
 * that the client has just requested, a redirect without end, so the client is sent to the origin.
 */
export function isSchemeRedirect(edgeUrl: string, origin: URL, answer: ResponseHead): boolean {
  if (!isRedirect(answer)) return false;
  const requested = originUrlOf(origin, edgeUrl);
  const target = resolve(answer.headers.get('location'), requested);
  return (
    target?.host === requested.host && target.protocol !== requested.protocol && pathOf(target) === pathOf(requested)
  );
}

/** Returns the header that sends a client to the origin's own address; none where the Location is absolute already. */
export function originLocation(edgeUrl: string, origin: URL, headers: Headers): Record<string, string> {
  const location = headers.get('location');
  const target = resolve(location, originUrlOf(origin, edgeUrl));
  return target && !URL.canParse(location ?? '') ? { location: target.href } : {};
}

/** Whether the Location of an answer is exactly this path of the registry. */
export function pointsTo(path: string, edgeUrl: string, origin: URL, headers: Headers): boolean {
  const target = resolve(headers.get('location'), originUrlOf(origin, edgeUrl));
  return target !== undefined && pathOf(target) === baseOf(origin) + path;
}

/** @returns `undefined` where the reference stays as it is */
function edgeReference(reference: string, edgeUrl: string, origin: URL): string | undefined {
  const target = resolve(reference, originUrlOf(origin, edgeUrl));
  if (!target) return undefined;
  const base = baseOf(origin);
  const path = pathOf(target).slice(base.length);
  if (target.host === origin.host && target.pathname.startsWith(`${base}/v2`) && isServed(path)) return path;
  // A relative reference would resolve to an address on the edge.
  return URL.canParse(reference) ? undefined : target.href;
}

/** Whether the edge serves this path, and does not refuse it. */
function isServed(path: string): boolean {
  try {
    parseRoute(splitUrl(`http://edge${path}`));
    return true;
  } catch {
    return false;
  }
}

function pathOf({ pathname, search }: URL): string {
  return pathname + search;
}

function baseOf({ pathname }: URL): string {
  return pathname.replace(/\/$/, '');
}

/** The URL at the origin that stands behind a URL of the edge. */
function originUrlOf(origin: URL, edgeUrl: string): URL {
  const { path, search } = splitUrl(edgeUrl);
  return new URL(origin.origin + baseOf(origin) + path + search);
}

function resolve(reference: string | null, base: URL): URL | undefined {
  return reference !== null && URL.canParse(reference, base.href) ? new URL(reference, base) : undefined;
}
