import { serveLocally } from '../../../../local/serve.ts';
import { atEnd } from '../cleanup.ts';
import type { Received, RecordingServer } from '../hubs/recording.ts';
import type { Registry } from '../registry.ts';
import type { TokenServer } from '../tokenServer.ts';

const REALM = '/service/token';

/**
 * Starts a host that has a registry and its token server behind it, as Harbor's has; it is only pulled from.
 * @param registry demands the tokens of `tokens`
 */
export async function startHarbor(registry: Registry, tokens: TokenServer): Promise<RecordingServer> {
  const received: Received[] = [];
  const served = await serveLocally(async ({ url, method, headers }) => {
    const { origin, pathname, search } = new URL(url);
    received.push({ method, path: pathname + search, headers: Object.fromEntries(headers) });
    const target = pathname === REALM ? tokens.auth.realm : registry.url + pathname;
    const answer = await fetch(target + search, { method, headers, redirect: 'manual' });
    const answered = new Headers(answer.headers);
    const challenge = answered.get('www-authenticate')?.replace(tokens.auth.realm, origin + REALM);
    if (challenge) answered.set('www-authenticate', challenge);
    return new Response(answer.body, { status: answer.status, headers: answered });
  });
  atEnd(() => served.close());
  return { url: served.url, received };
}
