import type { AskedAs } from '../http/identity.ts';
import { RegistryError } from '../oci/errors.ts';
import { fingerprint } from '../oci/hash.ts';

/** Detects requests that return to this edge (RFC 8586). */
export interface LoopGuard {
  /**
   * Adds this edge to the header's list.
   * @param client the client's headers
   * @returns the value of `CDN-Loop` for the origin
   * @throws RegistryError LOOP_DETECTED: this edge has already handled the request
   */
  mark(client: Headers): string;
}

const NAME_PREFIX = 'registry-edge-';
/** Exactly an edge's name, with no room for text that a firewall could take for an attack. */
const EDGE_NAME = /^registry-edge-[0-9a-f]{8}$/;
/** Real chains of edges have two or three. */
const MAX_FORWARDED_NAMES = 8;

/**
 * Names an edge after its origin: all isolates of one edge have the same name, and two chained edges have different
 * ones, since the origin of the outer edge is the inner one.
 * @param askedAs `caller`: everything in the client's header is forwarded; `nobody`: only the names of other edges
 */
export function createLoopGuard(origin: URL, askedAs: AskedAs): LoopGuard {
  const ownName = NAME_PREFIX + fingerprint(origin.href).toString(16).padStart(8, '0');
  return {
    mark(client) {
      const handlers = (client.get('cdn-loop') ?? '').split(',').map((handler) => handler.trim());
      if (handlers.some((handler) => nameOf(handler) === ownName)) throw new RegistryError('LOOP_DETECTED');
      const forwarded = askedAs === 'caller' ? handlers.filter((handler) => handler !== '') : edgesAmong(handlers);
      return [...forwarded, ownName].join(', ');
    },
  };
}

/** Keeps only the names of edges: what one caller sends must not make the origin refuse everybody. */
function edgesAmong(handlers: readonly string[]): string[] {
  return handlers
    .map(nameOf)
    .filter((name) => EDGE_NAME.test(name))
    .slice(-MAX_FORWARDED_NAMES);
}

/** Returns the name without its parameters. */
function nameOf(handler: string): string {
  return handler.replace(/;.*$/s, '').trim().toLowerCase();
}
