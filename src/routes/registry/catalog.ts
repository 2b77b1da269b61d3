import type { RequestContext } from '../../context.ts';
import { readBody } from '../../http/body/readBody.ts';
import { rewriteLocation } from '../../http/location.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import { quoted, RegistryError } from '../../oci/errors.ts';
import { isRepositoryName } from '../../oci/name.ts';
import { type Route, splitUrl, type Target } from '../../oci/route.ts';
import { decisionHeaders } from '../../telemetry/headers.ts';
import type { EdgeUsers, Upstream } from '../../upstream/upstream.ts';
import { API_VERSION } from './answer.ts';
import { relayUnlessStalled } from './relay.ts';

/** As many repositories are asked for at once: `distribution` gives no more. */
const PAGE_ENTRIES = 1_000;
/** So many pages of the origin are read for one of the user, who may see few of their repositories. */
const MAX_PAGES = 20;
const MAX_PAGE_BYTES = 512 * 1024;

type CatalogRoute = Extract<Route, { kind: 'catalog' }>;

/**
 * Answers `GET /v2/_catalog` with the repositories that the user may pull. The origin lists all that the edge's account
 * may see, so its pages are read one after the other, and no page of the user ends with a name that is not shown.
 * @throws RegistryError ORIGIN_UNREACHABLE: it sends no catalog; UNAVAILABLE: too many others come before the first;
 *   REQUEST_INVALID: `n` is no number
 */
export async function readCatalog(
  ctx: RequestContext,
  upstream: Upstream,
  users: EdgeUsers,
  route: CatalogRoute,
): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const query = new URLSearchParams(route.search);
  const wanted = countIn(query.get('n'));
  const isShown = shownTo(ctx, upstream, users);
  const shown: string[] = [];
  let search: string | undefined = searchOf(PAGE_ENTRIES, query.get('last'));
  for (let page = 0; search !== undefined && shown.length <= wanted && page < MAX_PAGES; page++) {
    const { response } = await upstream.origin.send(ctx, route.path + search, { method: 'GET', as: 'question' });
    if (response.status !== 200) return relayUnlessStalled(ctx, upstream, response);
    shown.push(...(await namesIn(ctx, upstream, response)).filter(isShown));
    search = nextSearch({ path: route.path, search }, upstream, response);
  }
  const names = shown.slice(0, wanted);
  // A page of no entries would lead to itself.
  const hasMore = wanted > 0 && (search !== undefined || names.length < shown.length);
  if (hasMore && names.length === 0) throw hidden();
  const last = names.at(-1) ?? query.get('last');
  const link = hasMore && `<${route.path}${searchOf(query.get('n'), last)}>; rel="next"`;
  return new Response(ctx.method === 'HEAD' ? null : `${JSON.stringify({ repositories: names })}\n`, {
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-transform',
      ...(link && { Link: link }),
      ...API_VERSION,
      ...decisionHeaders(ctx.events, 200),
    },
  });
}

/** @throws RegistryError REQUEST_INVALID: this is no number of entries */
function countIn(n: string | null): number {
  const count = n === null ? Number.POSITIVE_INFINITY : parseWholeNumber(n);
  if (count !== undefined) return count;
  throw new RegistryError('REQUEST_INVALID', { message: 'n: expected a whole number', detail: { n: quoted(n ?? '') } });
}

/** Returns whether the user may know of a repository. */
function shownTo(ctx: RequestContext, { policies }: Upstream, { list }: EdgeUsers): (name: string) => boolean {
  const pull = list.known(ctx)?.pull;
  return (name) => pull?.matches(name) === true && !policies.leavesOut(ctx, name);
}

/** @throws RegistryError ORIGIN_UNREACHABLE: this is no catalog, or a very large one */
async function namesIn(ctx: RequestContext, { bodies, origin }: Upstream, response: Response): Promise<string[]> {
  const room = bodies.room(ctx);
  const body = await readBody(response, { room, maxBytes: MAX_PAGE_BYTES, timeoutMs: origin.timeoutMs });
  if (!('bytes' in body)) {
    await body.stream.cancel();
    throw notOne();
  }
  try {
    const { repositories } = JSON.parse(new TextDecoder().decode(body.bytes)) as { repositories: unknown };
    // An empty catalog is null at some registries.
    return ((repositories ?? []) as unknown[]).filter(
      (name): name is string => typeof name === 'string' && isRepositoryName(name),
    );
  } catch {
    throw notOne();
  } finally {
    room.release();
  }
}

/** Returns the query of the origin's next page. */
function nextSearch(asked: Target, { origin }: Upstream, response: Response): string | undefined {
  const { link = '' } = rewriteLocation(asked, origin.url, response);
  const [, path] = /<(\/[^<>]*)>\s*;\s*rel="?next"?/.exec(link) ?? [];
  const next = path === undefined ? undefined : splitUrl(`http://edge${path}`);
  return next?.path === asked.path ? next.search : undefined;
}

function searchOf(n: string | number | null, last: string | null): string {
  const query = new URLSearchParams({ ...(last !== null && { last }), ...(n !== null && { n: String(n) }) });
  return query.size > 0 ? `?${query}` : '';
}

function notOne(): RegistryError {
  return new RegistryError('ORIGIN_UNREACHABLE', { message: 'the origin sends no catalog that the edge can read' });
}

function hidden(): RegistryError {
  const message = 'the next repositories of the catalog are not for this user, and there are too many of them';
  return new RegistryError('UNAVAILABLE', { message });
}
