import { isReadMethod, isSafeMethod } from '../http/methods.ts';
import type { RepositoryName } from '../oci/name.ts';
import { parseRoute, splitUrl } from '../oci/route.ts';

/** What a token has to cover for a request (distribution, "Token Scope Documentation"). */
export interface Scope {
  /** `undefined`: the list of all repositories. */
  readonly name: RepositoryName | undefined;
  /** Such as `repository:team/app:pull`; several are separated by spaces. */
  readonly text: string;
}

/**
 * Returns what a request needs, and no more.
 * @param target path and query below the origin's base URL
 * @returns `undefined`: nothing that is known, or nothing at all (a browser's preflight)
 */
export function scopeOf(method: string, target: string): Scope | undefined {
  const route = parseRoute(splitUrl(`http://origin${target}`));
  if (!isReadMethod(method) && isSafeMethod(method)) return undefined;
  if (route.kind === 'catalog') return { name: undefined, text: 'registry:catalog:*' };
  if (!('name' in route)) return undefined;
  const { name } = route;
  if (isReadMethod(method)) return { name, text: `repository:${name}:pull` };
  // Registries demand it to cancel an upload, too.
  if (method === 'DELETE')
    return { name, text: `repository:${name}:${route.kind === 'upload' ? 'pull,push,' : ''}delete` };
  const text = `repository:${name}:pull,push`;
  const source = route.kind === 'upload' ? new URLSearchParams(route.search).get('from') : null;
  return { name, text: source === null ? text : `${text} repository:${source}:pull` };
}
