import { hostOf, splitUrl } from '../oci/route.ts';

/**
 * The addresses in an answer that keep the client on the edge, by header. A Location of the origin's own host, relative
 * or absolute, becomes one of the edge's, and an absolute `Link` a relative one. What lies elsewhere is left to the
 * client: object storage, byte for byte since its URL is signed, or an upload service of the origin outside of `/v2/`,
 * which the edge does not serve.
 * @param edgeUrl `request.url`, whose path is the one below the origin's base
 */
export function onTheEdge(edgeUrl: string, origin: URL, headers: Headers): Record<string, string> {
  const base = baseOf(origin);
  const moved: Record<string, string> = {};

  const target = locationIn(edgeUrl, origin, headers);
  if (target?.host === origin.host) {
    const isServed = target.pathname.startsWith(`${base}/v2/`);
    moved.location = isServed ? hostOf(edgeUrl) + target.pathname.slice(base.length) + target.search : target.href;
  }

  const link = headers.get('link');
  if (link !== null) {
    const addresses = [`http://${origin.host}${base}`, `https://${origin.host}${base}`, base];
    moved.link = addresses.reduce((text, address) => text.replaceAll(`<${address}/v2/`, '</v2/'), link);
  }
  return moved;
}

/** The Location of an answer for a client that is to leave the edge: as it is where it is absolute, else the origin's. */
export function atTheOrigin(edgeUrl: string, origin: URL, headers: Headers): Record<string, string> {
  const target = locationIn(edgeUrl, origin, headers);
  return target && !URL.canParse(headers.get('location') ?? '') ? { location: target.href } : {};
}

/** Whether the Location of an answer is this path of the registry, and nothing else. */
export function leadsTo(path: string, edgeUrl: string, origin: URL, headers: Headers): boolean {
  const target = locationIn(edgeUrl, origin, headers);
  return target?.pathname === baseOf(origin) + path && target.search === '';
}

function baseOf({ pathname }: URL): string {
  return pathname.replace(/\/$/, '');
}

function locationIn(edgeUrl: string, origin: URL, headers: Headers): URL | undefined {
  const location = headers.get('location');
  const asked = `${origin.origin}${baseOf(origin)}${splitUrl(edgeUrl).path}`;
  return location !== null && URL.canParse(location, asked) ? new URL(location, asked) : undefined;
}
