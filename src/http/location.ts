import { parseRoute, splitUrl, type Target } from '../oci/route.ts';
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
 * @param asked what the origin was asked for, below its base
 * @returns the rewritten headers that the answer has
 */
export function rewriteLocation(asked: Target, origin: URL, answer: ResponseHead): Record<string, string> {
  const rewrite = (reference: string) => edgeReference(reference, asked, origin) ?? reference;
  const location = isSchemeRedirect(asked, origin, answer) ? null : answer.headers.get('location');
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
export function isSchemeRedirect(asked: Target, origin: URL, answer: ResponseHead): boolean {
  if (!isRedirect(answer)) return false;
  const requested = originUrlOf(origin, asked);
  const target = resolve(answer.headers.get('location'), requested);
  return (
    target?.host === requested.host && target.protocol !== requested.protocol && pathOf(target) === pathOf(requested)
  );
}

/** Returns the header that sends a client to the origin's own address; none where the Location is absolute already. */
export function originLocation(asked: Target, origin: URL, headers: Headers): Record<string, string> {
  const location = headers.get('location');
  const target = resolve(location, originUrlOf(origin, asked));
  return target && !URL.canParse(location ?? '') ? { location: target.href } : {};
}

/** Whether the Location of an answer is exactly this path of the registry. */
export function pointsTo(path: string, asked: Target, origin: URL, headers: Headers): boolean {
  const target = resolve(headers.get('location'), originUrlOf(origin, asked));
  return target !== undefined && pathOf(target) === baseOf(origin) + path;
}

/** @returns `undefined` where the reference stays as it is */
function edgeReference(reference: string, asked: Target, origin: URL): string | undefined {
  const target = resolve(reference, originUrlOf(origin, asked));
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

/** Returns the URL at the origin of what was asked for. */
function originUrlOf(origin: URL, { path, search }: Target): URL {
  return new URL(origin.origin + baseOf(origin) + path + search);
}

function resolve(reference: string | null, base: URL): URL | undefined {
  return reference !== null && URL.canParse(reference, base.href) ? new URL(reference, base) : undefined;
}
