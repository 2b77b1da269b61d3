import { RegistryError } from '../oci/errors.ts';
import { fingerprint } from '../oci/hash.ts';

/** Recognizes requests that come back: RFC 8586. */
export interface LoopGuard {
  /**
   * @param client the client's headers
   * @returns the value of `CDN-Loop` for the origin
   * @throws RegistryError LOOP_DETECTED: this edge has handled the request already
   */
  mark(client: Headers): string;
}

const FAMILY = 'registry-edge-';
/** The name of an edge, and nothing that a firewall could take for an attack. */
const NAME_OF_AN_EDGE = /^registry-edge-[0-9a-f]{8}$/;
/** Edges are chained two or three deep. */
const MAX_PASSED_ON = 8;

/**
 * An edge is known by its origin: all isolates of one have the same name, and two edges that are chained have not, since
 * the origin of the outer one is the inner one.
 * @param identity whether the client's own words are passed on; else only the names of other edges
 */
export function createLoopGuard(origin: URL, identity: boolean): LoopGuard {
  const own = FAMILY + fingerprint(origin.href).toString(16).padStart(8, '0');
  return {
    mark(client) {
      const handled = (client.get('cdn-loop') ?? '').split(',').map((one) => one.trim());
      if (handled.some((one) => nameIn(one) === own)) throw new RegistryError('LOOP_DETECTED');
      const names = identity ? handled.filter((one) => one !== '') : edgesIn(handled);
      return [...names, own].join(', ');
    },
  };
}

/** What one caller says must not make the origin refuse everybody. */
function edgesIn(handled: readonly string[]): string[] {
  return handled
    .map(nameIn)
    .filter((name) => NAME_OF_AN_EDGE.test(name))
    .slice(-MAX_PASSED_ON);
}

/** Without parameters. */
function nameIn(info: string): string {
  return info.replace(/;.*$/s, '').trim().toLowerCase();
}
