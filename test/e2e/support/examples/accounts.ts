import { createHash } from 'node:crypto';
import { ACCESS_KEY, startAws } from '../accounts/aws.ts';
import { startGoogle } from '../accounts/google.ts';
import type { PasswordService } from '../accounts/service.ts';
import { image, publish } from '../contents.ts';
import { basic } from '../http.ts';
import { makeImage } from '../image.ts';
import { crane, skopeo } from '../journeys/programs.ts';
import { loginAs } from '../login.ts';
import { startObjectStorage } from '../objectStorage.ts';
import { startPlatform } from '../platform.ts';
import { startRecordingProxy } from '../recordingProxy.ts';
import { startRegistry } from '../registry.ts';
import { BYTES, type Side } from './side.ts';

const HOUR_MS = 3_600_000;
/** The account of an edge that has a password. */
const PASSWORD = 'password-of-the-edge';
const byPassword = (authorization: string | undefined) => authorization === basic('edge', PASSWORD).authorization;

/** Starts what ECR is to an edge: it redirects to storage, and AWS gives its passwords. */
export async function startEcrSide(): Promise<Side> {
  const service = await startAws(HOUR_MS);
  const secrets = { AWS_ACCESS_KEY_ID: ACCESS_KEY.id, AWS_SECRET_ACCESS_KEY: ACCESS_KEY.secret };
  const { AWS_ENDPOINT_URL = '' } = service.variables;
  return startServiceSide(service, 'team/app', { ...secrets, AWS_ENDPOINT_URL });
}

/** Starts what Artifact Registry is to an edge: it redirects to storage, and Google gives its tokens. */
export async function startGoogleSide(): Promise<Side> {
  const service = await startGoogle(HOUR_MS, 'pull');
  const { GOOGLE_SERVICE_ACCOUNT = '', TOKEN_REALMS_ALLOWED = '' } = service.variables;
  return startServiceSide(service, 'example-project/images/app', { GOOGLE_SERVICE_ACCOUNT, TOKEN_REALMS_ALLOWED });
}

async function startServiceSide(
  service: PasswordService,
  name: string,
  replaced: Readonly<Record<string, string>>,
): Promise<Side> {
  const storage = await startObjectStorage('localhost');
  const registry = await startRegistry({ kind: 'registry', quiet: true, redirectsTo: storage.url });
  storage.serve(registry.root);
  await publish(registry.url, name, image(name), 'v1');
  const origin = await startRecordingProxy(registry.url, ({ headers }) =>
    service.passwords.accepts(headers.authorization),
  );
  return {
    replaced: { ORIGIN_URL: origin.url, ...replaced, USERS: usersWho({ pull: [name] }) },
    servers: [origin, service],
    use: (host) => pullAsUser(`${host}/${name}:v1`),
    again: BYTES,
  };
}

/** Starts a registry that knows the account of the edge alone. */
export async function startPrivateSide(): Promise<Side> {
  const registry = await startRegistry({ kind: 'registry', quiet: true });
  await publish(registry.url, 'team/app', image('private'), 'v1');
  const origin = await startRecordingProxy(registry.url, ({ headers }) => byPassword(headers.authorization));
  const secrets = { ORIGIN_PASSWORD: PASSWORD, USERS: usersWho({ pull: ['team/**'] }) };
  return {
    replaced: { ORIGIN_URL: origin.url, ...secrets },
    servers: [origin],
    use: (host) => pullAsUser(`${host}/team/app:v1`),
  };
}

/** Starts the same, and the platform of a CI, whose jobs push. */
export async function startCiSide(): Promise<Side> {
  const registry = await startRegistry({ kind: 'registry', quiet: true });
  const origin = await startRecordingProxy(registry.url, ({ headers }) => byPassword(headers.authorization));
  const platform = await startPlatform('https://edge.example.com');
  const job = { repository: 'example/app', repository_owner: 'example', ref: 'refs/heads/main' };
  const built = await makeImage('built by a job', [20_000, 300_000]);
  return {
    replaced: {
      ...{ ORIGIN_URL: origin.url, ORIGIN_PASSWORD: PASSWORD },
      'OIDC_ISSUERS.github.issuer': platform.url,
    },
    servers: [origin],
    async use(host) {
      const creds = `oidc:${await platform.issue({ sub: 'repo:example/app:ref:refs/heads/main', ...job })}`;
      const session = await skopeo.open({ env: await loginAs(creds, host) });
      return session.push(built, `${host}/team/app:main`);
    },
    again: /^PUT \/v2\/team\/app\/manifests\/main$/,
  };
}

const TOKEN = 'token-of-a-user-of-the-edge';

/** Returns `USERS` with one user. */
function usersWho(rights: { readonly pull: readonly string[] }): string {
  return JSON.stringify({ cluster: { secret: createHash('sha256').update(TOKEN).digest('hex'), ...rights } });
}

async function pullAsUser(reference: string) {
  const [host = ''] = reference.split('/');
  const session = await crane.open({ env: await loginAs(`cluster:${TOKEN}`, host) });
  return session.pull(reference);
}
