import { lru } from 'tiny-lru';
import type { RequestContext } from '../context.ts';

const MAX_HOSTS = 100;
/** RFC 1035, and a port. */
const MAX_HOST_CHARACTERS = 260;

/** The registries that `?ns=` named and that are not this origin: their content is not cached. */
export interface ForeignHosts {
  /** Whether a query names such a registry. Warns once of each, since the variable that would help is easy to miss. */
  isNamedIn(ctx: RequestContext, search: string): boolean;
}

/** @param ownQueries the queries that name this origin's own content */
export function createForeignHosts(ownQueries: ReadonlySet<string>): ForeignHosts {
  const warned = lru<true>(MAX_HOSTS);
  return {
    isNamedIn(ctx, search) {
      // Which one counts, if there are several, and whether a semicolon separates them, depends on the server.
      const hosts = search.includes('=') ? new URLSearchParams(search.replaceAll(';', '&')).getAll('ns') : [];
      const host = hosts.find((one) => one !== '' && !ownQueries.has(`?ns=${one}`));
      if (host === undefined) return false;
      const key = host.slice(0, MAX_HOST_CHARACTERS);
      if (!warned.has(key)) {
        warned.set(key, true);
        ctx.log.warn('?ns= names a registry that is not in MIRRORED_HOSTS: its content is not cached', { host: key });
      }
      return true;
    },
  };
}
