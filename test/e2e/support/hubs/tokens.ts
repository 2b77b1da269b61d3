import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type Received, refuse } from './recording.ts';

/** Who issues the tokens of a hub, to everybody. They are opaque, and good for what their scope names. */
export interface TokenIssuer {
  /** Answers a request for a token. */
  answer(request: Received, response: ServerResponse): ServerResponse;
  /** Whether a token grants the pull of a repository. */
  grants(authorization: string | undefined, name: string): boolean;
  /** The scopes for which tokens were issued. */
  readonly issued: readonly string[];
}

export interface IssuerOptions {
  /** For how long a token is good; by default five minutes, as at Docker Hub. */
  readonly lifeSeconds?: number;
  /** Whether a token is refused for this repository. */
  readonly refuses?: (name: string) => boolean;
}

export function createTokenIssuer({ lifeSeconds = 300, refuses = () => false }: IssuerOptions = {}): TokenIssuer {
  const scopes = new Map<string, { readonly scope: string; readonly until: number }>();
  const issued: string[] = [];
  return {
    issued,
    answer({ path }, response) {
      const scope = new URL(path, 'http://tokens').searchParams.get('scope') ?? '';
      const [, name = '', actions] = /^repository:(.+):(.+)$/.exec(scope) ?? [];
      if (refuses(name)) return refuse(response, 403, 'DENIED');
      const token = randomUUID();
      issued.push(scope);
      if (actions === 'pull') scopes.set(token, { scope: name, until: Date.now() + lifeSeconds * 1_000 });
      const answer = { token, access_token: token, expires_in: lifeSeconds, issued_at: new Date().toISOString() };
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    },
    grants(authorization = '', name) {
      const granted = scopes.get(authorization.replace(/^Bearer /, ''));
      return granted !== undefined && granted.scope === name && granted.until > Date.now();
    },
  };
}
