import { setTimeout } from 'node:timers/promises';
import { startEdges } from '../edge.ts';
import { loginAt } from '../login.ts';
import { type CountingProxy, startCountingProxy } from '../proxy.ts';
import { type RegistryOptions, startRegistry, USER_CREDS } from '../registry.ts';
import { startTokenServer, type TokenServer } from '../tokenServer.ts';
import { until } from '../until.ts';
import type { Login } from './client.ts';

/** How a registry asks who a client is, and whether the edge knows by itself. */
export const ACCESSES = ['fresh token, verified', 'fresh token, not verified', 'Basic', 'none'] as const;
export type Access = (typeof ACCESSES)[number];

/** A way to a registry, which counts. */
export interface Side {
  readonly host: string;
  readonly login: Login;
  /** What the clients send. */
  readonly clients: CountingProxy;
  /** What the registry gets. */
  readonly origin: CountingProxy;
  /** Waits until the edge has done what it does after its replies. */
  settle(): Promise<void>;
}

/** The same clients with and without the edge, each with a registry of its own. */
export interface Sides {
  readonly direct: Side;
  readonly edge: Side;
  /** An edge for whose callers a confirmation soon is too old. */
  readonly late: Side;
}

/** The `PUSH_EXISTENCE_TTL` of `late`; a push takes less than that. */
export const LATE_MS = 3_000;

export async function startSides(access: Access): Promise<Sides> {
  const tokens = access.startsWith('fresh token') ? await startTokenServer() : undefined;
  const options: RegistryOptions = { kind: 'registry', guarded: access === 'Basic', tokens };
  const [registry, reference] = [await startRegistry(options), await startRegistry(options)];
  const verified = access === 'fresh token, verified' && tokens ? keysOf(tokens) : {};
  const direct = await startCountingProxy(reference.url);
  const sides = { direct: await sideOf(access, direct, direct) } as { -readonly [S in keyof Sides]: Side };
  for (const [side, window] of [['edge', '5m'] as const, ['late', `${LATE_MS}ms`] as const]) {
    const origin = await startCountingProxy(registry.url);
    const variables = { PUSH_EXISTENCE_TTL: window, CACHE_TIMEOUT: '1s', ...verified };
    const [edge] = await startEdges({ origin: origin.url, backend: 'durable' }, [variables]);
    if (!edge) throw new Error('no edge was started');
    sides[side] = await sideOf(access, await startCountingProxy(edge.url), origin);
  }
  return sides;
}

/** What an edge has to know in order to verify tokens. */
export function keysOf({ jwks, auth: { issuer, service } }: TokenServer): Record<string, string> {
  return { TOKEN_JWKS: jwks, TOKEN_ISSUER: issuer, TOKEN_SERVICE: service };
}

async function sideOf(access: Access, clients: CountingProxy, origin: CountingProxy): Promise<Side> {
  const { host } = new URL(clients.url);
  const login = access === 'Basic' ? { env: await loginAt(host), creds: USER_CREDS } : { env: {} };
  return { host, login, clients, origin, settle: () => (clients === origin ? Promise.resolve() : quietOf(origin)) };
}

/** The edge begins what it does after a reply within this time. */
const QUIET_MS = 100;

/** Waits until all requests are answered and no other one comes. */
export async function quietOf({ requests, answers }: CountingProxy): Promise<void> {
  for (let before = -1; before !== requests.length; await setTimeout(QUIET_MS)) {
    before = requests.length;
    await until('the origin has answered', () => answers.length === requests.length);
  }
}
