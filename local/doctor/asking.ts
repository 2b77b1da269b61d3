import { createOwnHandshake, MAX_TOKEN_MS } from '../../src/assembleHandshake.ts';
import type { UpstreamConfig } from '../../src/config/upstream.ts';
import { createContext, type RequestContext } from '../../src/context.ts';
import { createBudget } from '../../src/http/body/budget.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { ALL_MANIFESTS } from '../../src/oci/mediaTypes.ts';
import { createOrigin } from '../../src/origin/client.ts';
import { NO_HANDSHAKE } from '../../src/origin/handshake.ts';
import type { Origin } from '../../src/origin/origin.ts';
import type { JsonLimits } from '../../src/origin/readJson.ts';
import type { RealmPolicy } from '../../src/origin/realms.ts';
import { createLogger } from '../../src/telemetry/log.ts';

/** How the origin of an upstream is asked from here, by the code of the edge. */
export interface Asking {
  readonly upstream: UpstreamConfig;
  /** Asks as the edge does, with what the origin demands of the edge itself. */
  readonly origin: Origin;
  /** Asks without an answer to any challenge. */
  readonly bare: Origin;
  readonly realms: RealmPolicy;
  /** What a token server may send, and how long it may take. */
  readonly limits: JsonLimits;
  /** Begins a request. @param authorization that of the caller */
  context(authorization?: string): RequestContext;
}

const MAX_WAIT_MS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;

export function createAsking(upstream: UpstreamConfig): Asking {
  const { originUrl: url, redirectHosts } = upstream;
  const timeoutMs = Math.min(upstream.originTimeoutMs, MAX_WAIT_MS);
  const realms = { origin: url, allowed: upstream.tokenRealms };
  const bodies = createBudget(MAX_BYTES);
  const limits = { bodies, timeoutMs: Math.min(timeoutMs, MAX_TOKEN_MS) };
  const memory = createMemory({ entries: 1_000, bytes: MAX_BYTES });
  const askedAs = upstream.clientAuth === 'origin' ? 'caller' : 'nobody';
  const options = { url, timeoutMs, redirectHosts, bodies, askedAs } as const;
  const handshake = askedAs === 'caller' ? NO_HANDSHAKE : createOwnHandshake(upstream, realms, { ...limits, memory });
  return {
    ...{ upstream, realms, limits },
    origin: createOrigin({ ...options, handshake }),
    bare: createOrigin({ ...options, handshake: NO_HANDSHAKE }),
    context: (authorization) =>
      createContext(
        new Request('http://doctor/', { headers: { accept: ALL_MANIFESTS, ...(authorization && { authorization }) } }),
        {
          // What goes wrong is told by the checks.
          log: createLogger('error', () => undefined),
          waitUntil: () => undefined,
          sink: () => undefined,
          now: Date.now,
        },
      ),
  };
}
