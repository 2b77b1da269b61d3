import { exportPKCS8, generateKeyPair, jwtVerify } from 'jose';
import { createPasswords } from './passwords.ts';
import { type PasswordService, startService } from './service.ts';

const EMAIL = 'edge@project.test';
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** What Artifact Registry requires of those who push, and of those who only pull. */
const SCOPES = {
  push: 'https://www.googleapis.com/auth/cloud-platform',
  pull: 'https://www.googleapis.com/auth/cloud-platform.read-only',
} as const;

/**
 * Starts a stand-in for the token server of Google, made from "Using OAuth 2.0 for Server to Server Applications".
 * @param lifeMs how long each access token lives
 * @param use what the access tokens have to be asked for
 */
export async function startGoogle(lifeMs: number, use: keyof typeof SCOPES = 'push'): Promise<PasswordService> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const passwords = createPasswords('oauth2accesstoken', lifeMs);
  const service = await startService(async ({ headers, body }) => {
    const form = new URLSearchParams(body);
    if (form.get('grant_type') !== GRANT_TYPE) throw new Error(`${form.get('grant_type')} is no grant type`);
    const expected = { issuer: EMAIL, audience: `http://${headers.host}/token`, requiredClaims: ['iat', 'exp'] };
    const { payload } = await jwtVerify(form.get('assertion') ?? '', publicKey, { ...expected, algorithms: ['RS256'] });
    if (payload.scope !== SCOPES[use]) throw new Error(`${payload.scope} is not the scope for a ${use}`);
    return { access_token: passwords.give().password, expires_in: lifeMs / 1_000, token_type: 'Bearer' };
  });
  const key = {
    ...{ type: 'service_account', client_email: EMAIL, token_uri: `${service.url}/token` },
    private_key: await exportPKCS8(privateKey),
  };
  const variables = {
    ...{ ORIGIN_ACCOUNT: 'google', GOOGLE_SERVICE_ACCOUNT: JSON.stringify(key) },
    TOKEN_REALMS_ALLOWED: new URL(service.url).host,
  };
  return { ...service, passwords, variables };
}
