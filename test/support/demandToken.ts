import { inject } from 'vitest';
import { rig } from './push.ts';
import { createScriptedServer, type Script } from './scripted.ts';

/** A token server, and a repository at the rigged origin that demands its token. */
export interface Demanding {
  readonly token: string;
  /** The origin's `WWW-Authenticate`. */
  readonly challenge: string;
  /** Variables of an open mirror that may ask the token server. */
  readonly variables: Record<string, string>;
  /** The requests to the token server, as path and query. */
  questions(): Promise<string[]>;
  /** The headers of each of those requests. */
  headers(): Promise<Record<string, string>[]>;
}

export const SERVICE = 'registry of the tests';

/**
 * Makes the rigged origin demand a token of everybody in a repository, and starts the server that issues it.
 * @param script replaces parts of the token server's answer; `{token}` in its body stands for the token
 * @param more further parameters of the challenge, such as `,error="insufficient_scope"`
 */
export async function demandToken(name: string, script: Script = {}, more = ''): Promise<Demanding> {
  const token = `token-${crypto.randomUUID()}`;
  const { body = '{"token":"{token}","expires_in":300}' } = script;
  const server = createScriptedServer({ ...script, body: body.replace('{token}', token) });
  // The scope of a challenge is never what the edge asks for.
  const scope = 'repository:of/others:pull,push repository:more:*';
  const challenge = `Bearer realm="${server.url}/token?from=realm",service="${SERVICE}",scope="${scope}"${more}`;
  await rig.rule({
    prefix: `/v2/${name}/`,
    unlessAuthorization: `Bearer ${token}`,
    status: 401,
    headers: { 'www-authenticate': challenge, 'content-type': 'application/json', 'ratelimit-remaining': '7' },
    body: '{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}',
  });
  return {
    token,
    challenge,
    variables: { CLIENT_AUTH: 'anonymous', TOKEN_REALMS_ALLOWED: new URL(inject('scriptedUrl')).host },
    questions: async () => (await server.calls()).map(({ path }) => path),
    headers: async () => (await server.calls()).map(({ headers }) => headers),
  };
}
