import type { RequestContext } from '../context.ts';
import { RegistryError } from '../oci/errors.ts';
import type { Route } from '../oci/route.ts';
import type { Upstream } from '../upstream.ts';
import { isRead } from './access.ts';
import { base } from './base.ts';
import { headBlob } from './blobs.ts';
import { deleteContent } from './deletes.ts';
import { passThrough } from './passthrough.ts';

/**
 * Chooses by what is asked and how; the method is looked at before anything is fetched, since Hono runs a HEAD as a GET.
 * @throws RegistryError UNSUPPORTED, and what the routes throw
 */
export function dispatch(ctx: RequestContext, upstream: Upstream, route: Route): Response | Promise<Response> {
  const { method } = ctx;
  if (upstream.readOnly && !isRead(method)) {
    throw new RegistryError('UNSUPPORTED', { message: 'this is a read-only mirror' });
  }
  // Of all that can be deleted, only an upload's session is no content.
  if (method === 'DELETE' && !upstream.deleteEnabled && route.kind !== 'upload') {
    throw new RegistryError('UNSUPPORTED', { message: 'deletes are switched off' });
  }
  switch (route.kind) {
    case 'base':
      return base(ctx, upstream, route);
    case 'blob':
      // A blob HEAD knows no query: `ns` and the like may ask for something else.
      if (method === 'HEAD' && route.search === '') return headBlob(ctx, upstream, route);
      if (method === 'DELETE') return deleteContent(ctx, upstream, route, route.digest);
      break;
    case 'manifest':
      if (method === 'DELETE' && route.reference.kind === 'digest') {
        return deleteContent(ctx, upstream, route, route.reference.text);
      }
  }
  return passThrough(ctx, upstream, route);
}
