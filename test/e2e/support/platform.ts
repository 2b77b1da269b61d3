import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type RecordingServer, startRecordingServer } from './hubs/recording.ts';

/** The platform of a CI, which gives its jobs identity tokens. Its URL is that of the issuer. */
export interface Platform extends RecordingServer {
  /** Issues the token of a job, as long as one of GitHub. */
  issue(claims: Readonly<Record<string, string>>): Promise<string>;
}

export async function startPlatform(audience: string): Promise<Platform> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }] };
  const server: RecordingServer = await startRecordingServer(({ path }, response) => {
    const discovery = { issuer: server.url, jwks_uri: `${server.url}/.well-known/jwks` };
    return response.end(JSON.stringify(path === '/.well-known/jwks' ? jwks : discovery));
  });
  const long = { job_workflow_ref: 'x'.repeat(1_500) };
  return {
    ...server,
    issue: (claims) =>
      new SignJWT({ ...long, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(server.url)
        .setAudience(audience)
        .setNotBefore('-1m')
        .setExpirationTime('10m')
        .sign(privateKey),
  };
}
