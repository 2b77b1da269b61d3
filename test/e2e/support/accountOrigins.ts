import { OCI } from './contents.ts';
import { type Answer, request } from './http.ts';
import { type RecordingProxy, startRecordingProxy } from './recordingProxy.ts';
import { type Registry, type RegistryOptions, startRegistry, USER } from './registry.ts';
import { startTokenServer, type TokenServer } from './tokenServer.ts';

/** The edge's account, which no user of the edge knows. */
export const ACCOUNT = { name: 'bob', password: USER.password } as const;
/** The account in the form that skopeo accepts. */
export const ACCOUNT_CREDS = `${ACCOUNT.name}:${ACCOUNT.password}`;
const AS_ACCOUNT = `Basic ${Buffer.from(ACCOUNT_CREDS).toString('base64')}`;

/** A kind of registry that knows only the edge's account. */
export interface AccountKind {
  readonly what: string;
  readonly kind: 'registry' | 'docker-registry';
  readonly demands: 'login' | 'token';
}

export const ACCOUNT_KINDS: readonly AccountKind[] = [
  { what: 'registry 3.1 with HTTP Basic', kind: 'registry', demands: 'login' },
  { what: 'registry 2.8.2 with HTTP Basic', kind: 'docker-registry', demands: 'login' },
  { what: 'registry 3.1 with a token server', kind: 'registry', demands: 'token' },
];

/** A registry that knows only the edge's account, behind a proxy that records what the edge asks. */
export interface AccountOrigin {
  readonly registry: Registry;
  readonly proxy: RecordingProxy;
  /** Where the account is exchanged for tokens, if the registry demands those. */
  readonly tokens: TokenServer | undefined;
  /** The variables of the account. */
  readonly variables: Readonly<Record<string, string>>;
  /** Asks the registry itself, with the account. */
  ask(method: string, path: string, scope: string): Promise<Answer>;
}

/** @param options further options of the registry */
export async function startAccountOrigin(
  { kind, demands }: Pick<AccountKind, 'kind' | 'demands'>,
  options: RegistryOptions = {},
): Promise<AccountOrigin> {
  const tokens = demands === 'token' ? await startTokenServer('ES256', (given) => given === AS_ACCOUNT) : undefined;
  const registry = await startRegistry({ kind, guarded: !tokens, tokens, quiet: true, ...options });
  const authorizationFor = async (scope: string) => (tokens ? `Bearer ${await tokens.issue(scope)}` : AS_ACCOUNT);
  return {
    registry,
    proxy: await startRecordingProxy(registry.url),
    tokens,
    variables: {
      ...{ ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: ACCOUNT.name, ORIGIN_PASSWORD: ACCOUNT.password },
      ...(tokens && { TOKEN_REALMS_ALLOWED: new URL(tokens.auth.realm).host }),
    },
    ask: async (method, path, scope) =>
      request(method, registry.url + path, {
        headers: { accept: OCI.manifest, authorization: await authorizationFor(scope) },
      }),
  };
}
