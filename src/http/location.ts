import { parseRoute, splitUrl } from '../oci/route.ts';
import { isRedirect } from './redirects.ts';

/** An answer, as far as its addresses go. */
type Addressed = Pick<Response, 'status' | 'headers'>;

/**
 * The addresses in an answer that keep the client on the edge, by header: a Location or a `Link` of the origin's own host
 * becomes the path on the edge. It has no scheme and no host, since only the client knows under which it reached the edge
 * (a proxy in between may end TLS); clients resolve it against those, as they do at registries that never say more (zot,
 * distribution with `relativeurls`).
 *
 * What lies elsewhere is left to the client: object storage, byte for byte since its URL is signed; what the edge would
 * refuse, such as an upload service of the origin outside of `/v2/`.
 * @param edgeUrl `request.url`, whose path is the one below the origin's base
 */
export function rewriteLocation(edgeUrl: string, origin: URL, answer: Addressed): Record<string, string> {
  const move = (reference: string) => moved(reference, edgeUrl, origin) ?? reference;
  const location = isSchemeRedirect(edgeUrl, origin, answer) ? null : answer.headers.get('location');
  const link = answer.headers.get('link');
  return {
    ...(location !== null && { location: move(location) }),
    ...(link !== null && { link: link.replace(/<([^<>]*)>/g, (_whole, reference) => `<${move(reference)}>`) }),
  };
}

/**
 * Whether the origin redirects to where it was just asked, by the other scheme. On the edge that would be the very address
 * that the client has asked for, without end: the client goes to the origin.
 */
export function isSchemeRedirect(edgeUrl: string, origin: URL, answer: Addressed): boolean {
  if (!isRedirect(answer)) return false;
  const asked = askedOf(origin, edgeUrl);
  const target = resolved(answer.headers.get('location'), asked);
  return target?.host === asked.host && target.protocol !== asked.protocol && pathOf(target) === pathOf(asked);
}

/** The Location of an answer for a client that is to leave the edge: as it is where it is absolute, else the origin's. */
export function originLocation(edgeUrl: string, origin: URL, headers: Headers): Record<string, string> {
  const location = headers.get('location');
  const target = resolved(location, askedOf(origin, edgeUrl));
  return target && !URL.canParse(location ?? '') ? { location: target.href } : {};
}

/** Whether the Location of an answer is this path of the registry, and nothing else. */
export function pointsTo(path: string, edgeUrl: string, origin: URL, headers: Headers): boolean {
  const target = resolved(headers.get('location'), askedOf(origin, edgeUrl));
  return target !== undefined && pathOf(target) === baseOf(origin) + path;
}

/** @returns `undefined` where the reference is left as it is */
function moved(reference: string, edgeUrl: string, origin: URL): string | undefined {
  const target = resolved(reference, askedOf(origin, edgeUrl));
  if (!target) return undefined;
  const base = baseOf(origin);
  const path = pathOf(target).slice(base.length);
  if (target.host === origin.host && target.pathname.startsWith(`${base}/v2`) && isServed(path)) return path;
  // Resolved against the edge it would be an address of the edge.
  return URL.canParse(reference) ? undefined : target.href;
}

/** Whether the edge does not refuse a path of its own. */
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

/** What the origin was asked for. */
function askedOf(origin: URL, edgeUrl: string): URL {
  const { path, search } = splitUrl(edgeUrl);
  return new URL(origin.origin + baseOf(origin) + path + search);
}

function resolved(reference: string | null, asked: URL): URL | undefined {
  return reference !== null && URL.canParse(reference, asked.href) ? new URL(reference, asked) : undefined;
}
