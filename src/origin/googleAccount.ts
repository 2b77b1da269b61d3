import type { GoogleSettings } from '../http/accountSettings.ts';
import { USER_AGENT } from '../version.ts';
import { type Account, basicAuthorization } from './account.ts';
import { type JsonLimits, readJson } from './readJson.ts';
import { createRenewedAccount } from './renewedAccount.ts';

/** Artifact Registry has no narrower scope with which images are pushed. */
const [READ_WRITE, READ_ONLY] = ['', '.read-only'].map(
  (suffix) => `https://www.googleapis.com/auth/cloud-platform${suffix}`,
);
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ASSERTION_SECONDS = 600;
const TOKEN = /^[!-~]{1,16384}$/;

/**
 * Creates an account of Artifact Registry: a signed assertion gives an access token (RFC 7523), which is the password of
 * the user `oauth2accesstoken`.
 */
export function createGoogleAccount(
  settings: GoogleSettings & { readonly name: string },
  limits: JsonLimits,
  mayWrite: boolean,
): Account {
  const { name, privateKey, tokenUri } = settings;
  const scope = mayWrite ? READ_WRITE : READ_ONLY;
  return createRenewedAccount(async (ctx) => {
    const { signJwt } = await import('../http/jwt.ts');
    const since = ctx.now();
    const iat = Math.floor(since / 1_000);
    const claims = { iss: name, scope, aud: tokenUri.href, iat, exp: iat + ASSERTION_SECONDS };
    const answer = await fetch(tokenUri, {
      ...{ method: 'POST', redirect: 'manual', cache: 'no-store', signal: AbortSignal.timeout(limits.timeoutMs) },
      headers: { 'user-agent': USER_AGENT },
      body: new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await signJwt(claims, privateKey) }),
    });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new Error(`the token server answers ${answer.status}`);
    }
    const { access_token, expires_in } = await readJson(ctx, answer, limits);
    if (typeof access_token !== 'string' || !TOKEN.test(access_token)) throw new Error('there is no token');
    if (typeof expires_in !== 'number' || !(expires_in > 0)) throw new Error('the token has no life');
    return { authorization: basicAuthorization('oauth2accesstoken', access_token), until: since + expires_in * 1_000 };
  });
}
