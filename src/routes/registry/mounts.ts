import { isRepositoryName } from '../../oci/name.ts';
import type { Patterns } from '../../oci/patterns.ts';
import type { Route } from '../../oci/route.ts';

type UploadRoute = Extract<Route, { kind: 'upload' }>;

/**
 * Returns the repository from which a POST mounts a blob. Some servers also separate parameters by semicolons.
 * @returns `undefined`: it mounts none; empty: nobody knows from where
 */
export function mountSource({ search }: UploadRoute): string | undefined {
  const query = new URLSearchParams(search.replaceAll(';', '&'));
  if (!query.has('mount')) return undefined;
  const [source = '', ...others] = query.getAll('from');
  return others.length === 0 && isRepositoryName(source) ? source : '';
}

/** What the specification knows of a POST that begins an upload; `ns` is checked on its own. */
const PARAMETERS = ['digest', 'digest-algorithm', 'ns'];

/**
 * Returns the POST that begins an upload, as a plain upload if it mounts a blob from where the caller may not pull: the
 * edge's account may, and a mount would copy the blob for the caller. A mount from anywhere (without `from`) becomes
 * one, too. A client sends the blob then (distribution-spec, "Mounting a blob from another repository"); a refusal would
 * end the push of some.
 *
 * The query is written anew, of what is known, so that it says the same to every registry: one that also separates by
 * semicolons would read another source in it.
 * @param sources from where blobs may be mounted
 */
export function withoutForeignMount(route: UploadRoute, sources: Pick<Patterns, 'matches'>): UploadRoute {
  const query = new URLSearchParams(route.search);
  const [source = '', ...others] = query.getAll('from');
  const isAllowed = others.length === 0 && isRepositoryName(source) && sources.matches(source);
  const isOwnMount = isAllowed && query.getAll('mount').length === 1;
  const kept = isOwnMount ? [...PARAMETERS, 'mount', 'from'] : PARAMETERS;
  const known = new URLSearchParams([...query].filter(([name]) => kept.includes(name)));
  return { ...route, search: known.size > 0 ? `?${known}` : '' };
}
