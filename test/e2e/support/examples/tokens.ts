import { createPublicKey } from 'node:crypto';
import { startRecordingServer } from '../hubs/recording.ts';
import { makeImage } from '../image.ts';
import { succeeded } from '../journeys/client.ts';
import { crane } from '../journeys/programs.ts';
import { loginAs } from '../login.ts';
import { startRecordingProxy } from '../recordingProxy.ts';
import { type Registry, startRegistry } from '../registry.ts';
import { startTokenServer, type TokenServer } from '../tokenServer.ts';
import { startHarbor } from './harbor.ts';
import { BYTES, type Side } from './side.ts';

/** Starts a registry whose token server is another host, which also has the public keys. */
export async function startCompanySide(): Promise<Side> {
  const { registry, tokens } = await startGuarded({ service: 'registry.example.com', issuer: 'auth.example.com' });
  const origin = await startRecordingProxy(registry.url);
  const keys = await startRecordingServer((_request, response) => response.end(tokens.jwks));
  return {
    replaced: { ORIGIN_URL: origin.url, TOKEN_JWKS_URL: keys.url, EVENTS_TOKEN: 'token-of-the-events' },
    servers: [origin, keys],
    use: (host) => pullAs('cluster-eu:a-password', host),
    again: BYTES,
  };
}

/** Starts what Harbor is to an edge. The clients ask it for tokens through the edge. */
export async function startHarborSide(): Promise<Side> {
  const { registry, tokens } = await startGuarded({ service: 'harbor-registry', issuer: 'harbor-token-issuer' });
  const origin = await startHarbor(registry, tokens);
  return {
    replaced: { ORIGIN_URL: origin.url, TOKEN_PUBLIC_KEYS: pemOf(tokens) },
    servers: [origin],
    use: (host) => pullAs('robot$team+cluster-pull:a-password', host),
    again: new RegExp(`${BYTES.source}|^GET /service/token`),
  };
}

/** Starts a registry that demands tokens, and pushes an image to it. */
async function startGuarded(names: {
  readonly service: string;
  readonly issuer: string;
}): Promise<{ readonly registry: Registry; readonly tokens: TokenServer }> {
  const tokens = await startTokenServer('RS256', () => true, names);
  const registry = await startRegistry({ kind: 'registry', tokens, quiet: true });
  // crane refuses a realm on another host that is an address of this machine, but not this name.
  const host = registry.host.replace('127.0.0.1', 'localhost');
  const session = await crane.open({ env: await loginAs('ci:a-password', host) });
  succeeded(await session.push(await makeImage(names.service, [20_000]), `${host}/team/app:v1`));
  return { registry, tokens };
}

async function pullAs(creds: string, host: string) {
  const session = await crane.open({ env: await loginAs(creds, host) });
  return session.pull(`${host}/team/app:v1`);
}

function pemOf({ jwks }: TokenServer): string {
  const [key] = JSON.parse(jwks).keys;
  return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
}
