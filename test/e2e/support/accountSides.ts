import { ACCOUNT, type AccountKind, startAccountOrigin } from './accountOrigins.ts';
import { ACCESS_KEY, startAws } from './accounts/aws.ts';
import { startGoogle } from './accounts/google.ts';
import type { PasswordService } from './accounts/service.ts';
import type { RecordingServer } from './hubs/recording.ts';
import { startObjectStorage } from './objectStorage.ts';
import { startRecordingProxy } from './recordingProxy.ts';
import { startRegistry } from './registry.ts';
import type { Secret } from './secrets.ts';

/** A registry that redirects to object storage and knows only an account, with all the hosts that this takes. */
export interface AccountSide {
  /** What an edge asks as its origin. */
  readonly origin: string;
  /** By name; what each of them gets is recorded. */
  readonly hosts: Readonly<Record<string, RecordingServer>>;
  /** The variables of the account. */
  readonly variables: Readonly<Record<string, string>>;
  /** The secrets so far. */
  secrets(): Secret[];
}

const HOUR_MS = 3_600_000;

/** Each kind of account, by how the origin and the edge come to terms. */
export const ACCOUNT_SIDES: readonly { readonly what: string; start(): Promise<AccountSide> }[] = [
  { what: 'a password', start: () => startPasswordSide('login') },
  { what: 'a password and a token server', start: () => startPasswordSide('token') },
  { what: 'ECR', start: startEcrSide },
  { what: 'Google', start: startGoogleSide },
];

async function startPasswordSide(demands: AccountKind['demands']): Promise<AccountSide> {
  const storage = await startObjectStorage('localhost');
  const { registry, proxy, tokens, variables } = await startAccountOrigin(
    { kind: 'registry', demands },
    { redirectsTo: storage.url },
  );
  storage.serve(registry.root);
  return {
    origin: proxy.url,
    hosts: { origin: proxy, storage, ...(tokens && { tokens: { ...tokens, url: tokens.auth.realm } }) },
    variables,
    secrets: () => [
      { what: 'the password of the account', texts: [ACCOUNT.password], of: [tokens ? 'tokens' : 'origin'] },
      ...(tokens ? [{ what: 'a token of the origin', texts: tokens.tokens, of: ['origin'] }] : []),
    ],
  };
}

async function startEcrSide(): Promise<AccountSide> {
  const { side, service } = await startServiceSide(startAws);
  const signatures = () => service.received.map(({ headers }) => String(headers.authorization).slice(-64));
  return {
    ...side,
    secrets: () => [
      ...side.secrets(),
      { what: 'the secret access key', texts: [ACCESS_KEY.secret], of: [] },
      { what: 'a signature with it', texts: signatures(), of: ['service'] },
    ],
  };
}

async function startGoogleSide(): Promise<AccountSide> {
  const { side, service } = await startServiceSide(startGoogle);
  const { private_key } = JSON.parse(service.variables.GOOGLE_SERVICE_ACCOUNT ?? '{}') as { private_key: string };
  return {
    ...side,
    secrets: () => [
      ...side.secrets(),
      { what: 'the private key', texts: private_key.split('\n').slice(1, -2), of: [] },
      {
        what: 'an assertion',
        texts: service.received.map(({ body }) => new URLSearchParams(body).get('assertion') ?? ''),
        of: ['service'],
      },
    ],
  };
}

async function startServiceSide(start: (lifeMs: number) => Promise<PasswordService>) {
  const [service, storage] = [await start(HOUR_MS), await startObjectStorage('localhost')];
  const registry = await startRegistry({ kind: 'registry', quiet: true, redirectsTo: storage.url });
  storage.serve(registry.root);
  const origin = await startRecordingProxy(registry.url, ({ headers }) =>
    service.passwords.accepts(headers.authorization),
  );
  const side: AccountSide = {
    origin: origin.url,
    hosts: { origin, storage, service },
    variables: service.variables,
    secrets: () => [
      {
        what: 'a password of the account',
        texts: service.passwords.given.map(({ password }) => password),
        of: ['origin'],
      },
    ],
  };
  return { side, service };
}
