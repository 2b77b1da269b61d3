import { RegistryError } from '../oci/errors.ts';

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

/**
 * An edge is known by its origin: all isolates of one have the same name, and two edges that are chained have not, since
 * the origin of the outer one is the inner one.
 * @param identity whether the client's own words are passed on; else only those of other edges
 */
export function createLoopGuard(origin: URL, identity: boolean): LoopGuard {
  const own = FAMILY + fingerprint(origin.href);
  return {
    mark(client) {
      const handled = (client.get('cdn-loop') ?? '').split(',').map((one) => one.trim());
      if (handled.some((one) => nameIn(one) === own)) throw new RegistryError('LOOP_DETECTED');
      return [...handled.filter((one) => (identity ? one !== '' : nameIn(one).startsWith(FAMILY))), own].join(', ');
    },
  };
}

/** Without parameters. */
function nameIn(info: string): string {
  return info.replace(/;.*$/s, '').trim().toLowerCase();
}

/** FNV-1a, 32 bits, in hex: short, at once, and nothing to rely on against forgery. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
