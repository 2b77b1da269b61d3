import { isReadMethod } from '../../http/methods.ts';
import type { Rights } from '../../http/userSettings.ts';
import type { Route } from '../../oci/route.ts';

/** Where an upload begins; below it are those that have begun. */
const UPLOADS = /\/blobs\/uploads\/?$/;

/** What somebody needs for a request: a right, or no more than to be known. */
export type Need = keyof Rights | 'login';

/**
 * Returns what a user needs for a request of the specification.
 * @returns `undefined`: the specification has no such request, so nobody knows what it would do with the edge's account
 */
export function needOf(method: string, route: Route): Need | undefined {
  // A browser's preflight has no credential, and is asked without one.
  const isRead = isReadMethod(method) || method === 'OPTIONS';
  switch (route.kind) {
    case 'base':
      return isRead ? 'login' : undefined;
    case 'catalog':
      return isReadMethod(method) ? 'catalog' : undefined;
    case 'tags':
    case 'referrers':
      return isRead ? 'pull' : undefined;
    case 'blob':
      return isRead ? 'pull' : method === 'DELETE' ? 'delete' : undefined;
    case 'manifest':
      return isRead ? 'pull' : method === 'DELETE' ? 'delete' : method === 'PUT' ? 'push' : undefined;
    case 'upload':
      // Whoever uploads may cancel, too: a DELETE of a session deletes no content.
      return UPLOADS.test(route.path) === (method === 'POST') ? 'push' : undefined;
    case 'foreign':
    case 'other':
      return undefined;
  }
}
