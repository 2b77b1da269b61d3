/**
 * The addresses in an answer that keep the client on the edge, by header. A Location of the origin's own host, relative
 * or absolute, becomes one of the edge's, and an absolute `Link` a relative one. What lies elsewhere is left to the
 * client: object storage, or an upload service of the origin outside of `/v2/`, which the edge does not serve.
 */
export function onTheEdge(edgeUrl: string, origin: URL, headers: Headers): Record<string, string> {
  const base = origin.pathname.replace(/\/$/, '');
  const moved: Record<string, string> = {};

  const location = headers.get('location');
  if (location !== null && URL.canParse(location, `${origin.origin}${base}/v2/`)) {
    const target = new URL(location, `${origin.origin}${base}/v2/`);
    const isServed = target.host === origin.host && target.pathname.startsWith(`${base}/v2/`);
    const path = target.pathname.slice(base.length) + target.search;
    moved.location = isServed ? new URL(edgeUrl).origin + path : target.href;
  }

  const link = headers.get('link');
  if (link !== null) {
    moved.link = link.replaceAll(`<${origin.origin}${base}/v2/`, '</v2/').replaceAll(`<${base}/v2/`, '</v2/');
  }
  return moved;
}
