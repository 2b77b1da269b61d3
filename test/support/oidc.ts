import type { JWTHeaderParameters } from 'jose';
import { createScriptedServer, type Script } from './scripted.ts';
import { createIssuer, type Issuer } from './tokens.ts';

export const DISCOVERY = '/.well-known/openid-configuration';
export const AUDIENCE = 'https://edge.test';

/** The claims of a job of `example/app` on its main branch, as GitHub writes them. */
export const GITHUB_CLAIMS = {
  sub: 'repo:example/app:ref:refs/heads/main',
  repository: 'example/app',
  repository_id: '74',
  repository_owner: 'example',
  repository_owner_id: '65',
  ref: 'refs/heads/main',
  ref_protected: 'true',
  workflow: 'release',
  event_name: 'push',
  actor: 'alice',
};
/** The same at GitLab. */
export const GITLAB_CLAIMS = {
  sub: 'project_path:example/tools/app:ref_type:branch:ref:main',
  project_path: 'example/tools/app',
  project_id: '22',
  namespace_path: 'example/tools',
  namespace_id: '72',
  ref: 'main',
  ref_type: 'branch',
  ref_protected: 'true',
  user_login: 'alice',
  groups_direct: ['example/tools'],
};

/** A CI's platform with a server of its own, that gives identity tokens to its jobs. */
export interface Platform {
  /** The issuer. */
  readonly url: string;
  readonly server: ReturnType<typeof createScriptedServer>;
  /** Issues the token of a job. @param claims replace those of GitHub's shape @param header replaces parts of it */
  issue(claims?: Readonly<Record<string, unknown>>, header?: Partial<JWTHeaderParameters>): Promise<string>;
}

/**
 * Creates a platform. @param scripts how its server answers instead, such as its discovery
 * @param issuer whose keys it publishes
 */
export async function createPlatform(scripts: Record<string, Script> = {}, issuer?: Issuer): Promise<Platform> {
  const keys = issuer ?? (await createIssuer());
  const server = createScriptedServer({
    status: 404,
    paths: {
      [DISCOVERY]: { body: JSON.stringify({ issuer: '{base}', jwks_uri: '{base}/keys' }) },
      '/keys': { body: keys.jwks },
      ...scripts,
    },
  });
  return {
    url: server.url,
    server,
    issue: (claims, header) => keys.issue({ iss: server.url, aud: AUDIENCE, ...GITHUB_CLAIMS, ...claims }, header),
  };
}

/** A login with an identity token, whatever the name. */
export function loginWith(token: string, name = 'oidc'): { authorization: string } {
  return { authorization: `Basic ${btoa(`${name}:${token}`)}` };
}

/** Variables of an edge whose users come with tokens of these platforms. */
export function identifying(
  platforms: Readonly<Record<string, Pick<Platform, 'url'>>>,
  users: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const issuers = Object.entries(platforms).map(([name, { url }]) => [name, { issuer: url, audience: AUDIENCE }]);
  return {
    CLIENT_AUTH: 'basic',
    OIDC_ISSUERS: JSON.stringify(Object.fromEntries(issuers)),
    OIDC_USERS: JSON.stringify(users),
  };
}
