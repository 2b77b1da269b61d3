import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { listen } from './listen.ts';

/** The platform of a CI, which gives its jobs identity tokens. */
export interface Platform {
  /** The issuer. */
  readonly url: string;
  /** Issues the token of a job, as long as one of GitHub. */
  issue(claims: Readonly<Record<string, string>>): Promise<string>;
}

export async function startPlatform(audience: string): Promise<Platform> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }] };
  const url: string = await listen(
    createServer(({ url: path }, response) => {
      const discovery = { issuer: url, jwks_uri: `${url}/.well-known/jwks` };
      response.end(JSON.stringify(path === '/.well-known/jwks' ? jwks : discovery));
    }),
  );
  const long = { job_workflow_ref: 'x'.repeat(1_500) };
  return {
    url,
    issue: (claims) =>
      new SignJWT({ ...long, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(url)
        .setAudience(audience)
        .setNotBefore('-1m')
        .setExpirationTime('10m')
        .sign(privateKey),
  };
}
