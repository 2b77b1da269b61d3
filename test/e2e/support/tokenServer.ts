import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { serveLocally } from '../../../local/serve.ts';
import { atEnd } from './cleanup.ts';
import type { Received, RecordingServer } from './hubs/recording.ts';

/** A token server: whom it knows, it gives every right, under the name of the Basic credential. */
export interface TokenServer extends Pick<RecordingServer, 'received'> {
  /** The public keys, as a JSON Web Key Set. */
  readonly jwks: string;
  /** What a registry and an edge have to know: `auth.token` of `distribution`'s configuration. */
  readonly auth: { readonly realm: string; readonly service: string; readonly issuer: string };
  /** How many tokens it has issued. */
  issued(): number;
  /** All of them. */
  readonly tokens: readonly string[];
  /** Issues a token as it would to a client. @param scope such as `repository:team/app:pull,push` */
  issue(scope: string, subject?: string): Promise<string>;
}

const NAMES = { service: 'registry.test', issuer: 'token server of the tests' };

/**
 * @param isKnown whom it knows, by their `Authorization`; by default everybody
 * @param names what its tokens say that it is
 */
export async function startTokenServer(
  alg: 'ES256' | 'RS256' = 'ES256',
  isKnown: (authorization: string | null) => boolean = () => true,
  names: Pick<TokenServer['auth'], 'service' | 'issuer'> = NAMES,
): Promise<TokenServer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = randomUUID();
  const received: Received[] = [];
  const tokens: string[] = [];
  async function issue(scope: string, subject = 'anybody'): Promise<string> {
    const access = scope.split(' ').flatMap((part) => {
      const [, type, name, actions] = /^(\w+):(.+):([\w,*]+)$/.exec(part) ?? [];
      return type ? [{ type, name, actions: actions?.split(',') }] : [];
    });
    const token = await new SignJWT({ access, sub: subject, jti: randomUUID() })
      .setProtectedHeader({ alg, kid, typ: 'JWT' })
      .setIssuer(names.issuer)
      .setAudience(names.service)
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime('5m')
      .sign(privateKey);
    tokens.push(token);
    return token;
  }
  const served = await serveLocally(async ({ method, url, headers }) => {
    const { pathname, search, searchParams } = new URL(url);
    received.push({ method, path: pathname + search, headers: Object.fromEntries(headers) });
    const authorization = headers.get('authorization');
    if (!isKnown(authorization)) return new Response(null, { status: 401 });
    const scopes = searchParams.getAll('scope');
    const [, basic = ''] = /^Basic (.+)$/.exec(authorization ?? '') ?? [];
    const token = await issue(scopes.join(' '), atob(basic).split(':')[0] || undefined);
    return Response.json({ token, access_token: token, expires_in: 300 });
  });
  atEnd(() => served.close());
  // Clients built on crane refuse a realm at a loopback address, but not at this name.
  const realm = `${served.url.replace('127.0.0.1', 'localhost')}/token`;
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return {
    jwks: JSON.stringify({ keys: [jwk] }),
    auth: { realm, ...names },
    issued: () => tokens.length,
    tokens,
    issue,
    received,
  };
}
