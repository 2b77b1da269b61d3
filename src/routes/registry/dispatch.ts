import type { RequestContext } from '../../context.ts';
import { isReadMethod } from '../../http/methods.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import { TOKEN_PATH } from '../../origin/edgeRealm.ts';
import type { EdgeUsers, Upstream } from '../../upstream/upstream.ts';
import { checkAllowed } from './allowed.ts';
import { answerBase } from './base.ts';
import { getBlob } from './blobContent.ts';
import { headBlob } from './blobs.ts';
import { readCatalog } from './catalog.ts';
import { serveCooled } from './cooled.ts';
import { isFromScript } from './cors.ts';
import { deleteContent } from './deletes.ts';
import { enter } from './gate.ts';
import { readList } from './lists.ts';
import { readManifest } from './manifests.ts';
import { passThrough } from './passthrough.ts';
import { pushManifest } from './pushManifest.ts';
import { upload } from './uploads.ts';

/**
 * Passes a request to the handler of its route and method.
 * @throws RegistryError UNSUPPORTED: a write to a read-only mirror, or a delete where deletes are disabled; and
 *   whatever the handlers throw
 */
export function dispatch(ctx: RequestContext, upstream: Upstream, route: Route): Response | Promise<Response> {
  return upstream.users ? dispatchFor(upstream.users, ctx, upstream, route) : handle(ctx, upstream, route);
}

/** Passes the request of a user of the edge's own, with this user's rights. */
async function dispatchFor(users: EdgeUsers, ctx: RequestContext, upstream: Upstream, asked: Route): Promise<Response> {
  const { user, route } = await enter(ctx, users, asked);
  const answer = await handle(ctx, upstream, route);
  if (route.kind === 'upload') await users.uploads.mark(user, answer);
  return answer;
}

function handle(ctx: RequestContext, upstream: Upstream, asked: Route): Response | Promise<Response> {
  const { method } = ctx;
  const route = checkAllowed(ctx, upstream, asked);
  if (upstream.edgeRealm && route.path === TOKEN_PATH) return upstream.edgeRealm.ask(ctx);
  if (method === 'OPTIONS') return passThrough(ctx, upstream, route);
  if (!upstream.allowsWrites && !isReadMethod(method)) {
    throw new RegistryError('UNSUPPORTED', {
      message: 'this is a read-only mirror: send writes to the registry itself',
    });
  }
  // A DELETE of an upload session cancels the upload; it deletes no content.
  if (method === 'DELETE' && !upstream.deleteEnabled && route.kind !== 'upload') {
    throw new RegistryError('UNSUPPORTED', { message: 'deletes are disabled here (DELETE_ENABLED=false)' });
  }
  // A tag leads elsewhere for some callers, so what it leads to is found out before anything is decided by the request.
  if (upstream.cooldown && route.kind === 'manifest' && isReadMethod(method)) {
    return serveCooled(ctx, upstream, { route, serve: (resolved) => serve(ctx, upstream, resolved) });
  }
  return serve(ctx, upstream, route);
}

/** Passes a request that is allowed to the handler of its route and method. */
function serve(ctx: RequestContext, upstream: Upstream, route: Route): Response | Promise<Response> {
  const { method } = ctx;
  // Whoever asks: the origin's own catalog has all that the edge's account may see.
  if (route.kind === 'catalog' && upstream.users) return readCatalog(ctx, upstream, upstream.users, route);
  if (route.kind !== 'base' && isReadMethod(method) && isFromScript(ctx)) return passThrough(ctx, upstream, route);
  // An unknown query, such as `ns` with another registry, may ask for something else.
  const isOwn = upstream.ownQueries.has(route.search);
  switch (route.kind) {
    case 'base':
      return answerBase(ctx, upstream, route);
    case 'blob':
      if (method === 'HEAD' && isOwn) return headBlob(ctx, upstream, route);
      if (method === 'GET' && isOwn) return getBlob(ctx, upstream, route);
      if (method === 'DELETE') {
        const content = { kind: 'digest', text: route.digest } as const;
        return deleteContent(ctx, upstream, { ...route, links: 'blobs', content });
      }
      break;
    case 'upload':
      if (!isReadMethod(method)) return upload(ctx, upstream, route);
      break;
    case 'catalog':
    case 'tags':
    case 'referrers':
      if (method === 'GET') return readList(ctx, upstream, route);
      break;
    case 'manifest':
      // Only some registries serve ranges of a manifest, and the cache has no use for a part.
      if (method === 'GET' && ctx.request.headers.has('range')) break;
      if (isReadMethod(method) && isOwn && route.reference.kind !== 'foreign')
        return readManifest(ctx, upstream, route);
      if (method === 'DELETE' && route.reference.kind !== 'foreign') {
        return deleteContent(ctx, upstream, { ...route, links: 'manifests', content: route.reference });
      }
      if (method === 'PUT') return pushManifest(ctx, upstream, route);
  }
  return passThrough(ctx, upstream, route);
}
