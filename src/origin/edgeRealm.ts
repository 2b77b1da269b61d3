import type { RequestContext } from '../context.ts';
import type { Budget } from '../http/body/budget.ts';
import { readBody } from '../http/body/readBody.ts';
import { trackedBody } from '../http/body/trackedBody.ts';
import { type BearerChallenge, parseBearerChallenge, withRealm } from '../http/challenge.ts';
import { pickHeaders } from '../http/headers.ts';
import { isRedirect } from '../http/redirects.ts';
import { RegistryError } from '../oci/errors.ts';
import { isRepositoryName, type RepositoryName } from '../oci/name.ts';
import type { Names } from '../oci/names.ts';
import { parseRoute } from '../oci/route.ts';
import { createDemands } from './demands.ts';
import type { Origin } from './origin.ts';
import type { RealmPolicy } from './realms.ts';

/** The origin's token server as clients reach it through the edge: `TOKEN_REALM=edge`. */
export interface EdgeRealm {
  /** Names the edge as the realm in an answer's challenge, unless the origin's realm is not allowed. */
  rewrite(ctx: RequestContext, answer: Response): void;
  /**
   * Hands the client's request for a token, and its credential, to the origin's token server and to no other host.
   * @throws RegistryError UNSUPPORTED: neither GET nor POST; NAME_UNKNOWN: the origin demands no token;
   *   REQUEST_INVALID: the body is too long; ORIGIN_UNREACHABLE
   */
  ask(ctx: RequestContext): Promise<Response>;
}

/** Where the edge serves it, on the host of the upstream. */
export const TOKEN_PATH = '/v2/auth/token';

export interface EdgeRealmOptions {
  readonly origin: Pick<Origin, 'send'>;
  readonly realms: RealmPolicy;
  readonly names: Names | undefined;
  readonly bodies: Budget;
  /** For the whole answer of the token server. */
  readonly timeoutMs: number;
}

/** Longer than any form of a client, or any token. */
const MAX_BYTES = 256 * 1024;
const SENT_HEADERS = ['accept', 'authorization', 'content-type', 'user-agent'];
const RETURNED_HEADERS = ['content-type', 'retry-after', 'www-authenticate'];

export function createEdgeRealm({ origin, realms, names, bodies, timeoutMs }: EdgeRealmOptions): EdgeRealm {
  const demands = createDemands(realms);

  /** Asks the origin what it demands of somebody without a credential, and sends nothing of the client's. */
  async function askChallenge(ctx: RequestContext, path: string): Promise<BearerChallenge | undefined> {
    const { response } = await origin.send(ctx, path, { method: 'GET', onlyHeaders: [], signal: ctx.signal });
    await response.body?.cancel();
    return parseBearerChallenge(response.headers.get('www-authenticate'));
  }

  /**
   * Returns where the origin sends those who want a token for a repository, or for none: as it said in that repository,
   * or at `/v2/`. What it said in another repository is no answer, since the password goes there.
   */
  async function findRealm(ctx: RequestContext, name: RepositoryName | undefined): Promise<URL> {
    const known = demands.get(ctx, name) ?? demands.get(ctx, undefined);
    if (known) return known.realm;
    const challenge = await askChallenge(ctx, name ? `/v2/${name}/tags/list` : '/v2/');
    if (challenge) return demands.note(ctx, name, challenge).realm;
    if (name) return findRealm(ctx, undefined);
    throw new RegistryError('NAME_UNKNOWN', { message: 'the origin registry demands no token: send requests without' });
  }

  const reading = (ctx: RequestContext) => ({ room: bodies.room(ctx), maxBytes: MAX_BYTES, timeoutMs });

  /** Names repositories in scopes as the origin does; a scope may have several of them, with spaces between. */
  function mapScopes(params: URLSearchParams): URLSearchParams {
    return new URLSearchParams(
      [...params].map(([name, value]): [string, string] => [
        name,
        name === 'scope' && names ? value.split(' ').map(names.scopeToOrigin).join(' ') : value,
      ]),
    );
  }

  async function readForm(ctx: RequestContext): Promise<URLSearchParams> {
    const body = await readBody(ctx.request, reading(ctx)).catch((cause: unknown) => {
      throw new RegistryError('REQUEST_INVALID', { message: 'the form broke off: send all of it again', cause });
    });
    if ('bytes' in body) return mapScopes(new URLSearchParams(new TextDecoder().decode(body.bytes)));
    await body.stream.cancel();
    if (body.lacksRoom) throw new RegistryError('UNAVAILABLE', { message: 'the edge is busy: try again' });
    throw new RegistryError('REQUEST_INVALID', { message: `the form is longer than ${MAX_BYTES} bytes` });
  }

  /** @throws Error: it does not answer, or its answer is too long or leads to another host */
  async function askServer(ctx: RequestContext, url: URL, body: string | null): Promise<Response> {
    const answer = await fetch(url, {
      ...{ method: ctx.method, body, headers: pickHeaders(ctx.request.headers, SENT_HEADERS) },
      ...{ redirect: 'manual', cache: 'no-store', signal: AbortSignal.timeout(timeoutMs) },
    });
    const read = isRedirect(answer) ? { stream: answer.body } : await readBody(answer, reading(ctx));
    if ('bytes' in read) {
      return new Response(trackedBody(ctx, read.bytes), {
        status: answer.status,
        headers: returnedHeaders(answer.headers),
      });
    }
    await read.stream?.cancel();
    throw new Error('the answer is too long, or leads to another host');
  }

  return {
    rewrite(ctx, { headers }) {
      const header = headers.get('www-authenticate');
      const challenge = parseBearerChallenge(header);
      if (header === null || !challenge) return;
      try {
        // What a caller sends besides may decide where the origin sends it: that is nobody else's realm.
        const about = ctx.caller === undefined ? undefined : subjectOf(ctx);
        if (about) demands.note(ctx, about.name, challenge);
        else demands.check(ctx, challenge);
      } catch {
        return; // Clients may reach it themselves; the log has said which variable would help.
      }
      headers.set('www-authenticate', withRealm(header, challenge, addressOf(ctx) + TOKEN_PATH));
    },
    async ask(ctx) {
      const { method } = ctx;
      if (method !== 'GET' && method !== 'POST') {
        throw new RegistryError('UNSUPPORTED', { headers: { Allow: 'GET, POST' } });
      }
      const query = mapScopes(new URLSearchParams(ctx.target.search));
      const form = method === 'POST' ? await readForm(ctx) : undefined;
      const url = new URL(await findRealm(ctx, repositoryOf(form ?? query)));
      for (const [name, value] of query) url.searchParams.append(name, value);
      const startedAt = ctx.now();
      const emit = (outcome: 'issued' | 'refused' | 'failed') =>
        ctx.emit({ kind: 'token', outcome, ms: ctx.now() - startedAt });
      try {
        const answer = await askServer(ctx, url, form?.toString() ?? null);
        emit(answer.ok ? 'issued' : 'refused');
        return answer;
      } catch (cause) {
        emit('failed');
        throw new RegistryError('ORIGIN_UNREACHABLE', {
          message: 'the token server does not answer: try again',
          cause,
        });
      }
    },
  };
}

/**
 * Returns the repository that a request was about, since each may have a realm of its own; `/v2/` is about none, and
 * other paths say nothing about either.
 */
function subjectOf({ target }: RequestContext): { readonly name: RepositoryName | undefined } | undefined {
  try {
    const route = parseRoute(target);
    if ('name' in route) return { name: route.name };
    return route.kind === 'base' ? { name: undefined } : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the first repository for which a token is requested. */
function repositoryOf(params: URLSearchParams): RepositoryName | undefined {
  const [, name = ''] = /(?:^| )repository(?:\([a-z0-9]+\))?:([^: ]+):/.exec(params.getAll('scope').join(' ')) ?? [];
  return isRepositoryName(name) ? name : undefined;
}

/**
 * Returns the edge's own address as the client reached it. A proxy in front of the edge may end TLS. The URL is not
 * parsed where there is a Host, since not every host that a client can send makes a valid URL.
 */
function addressOf({ request: { url, headers } }: RequestContext): string {
  // The first of several proxies is the one that the client reached.
  const [first = ''] = headers.get('x-forwarded-proto')?.split(',') ?? [];
  const isSecure = url.startsWith('https:') || first.trim() === 'https';
  return `${isSecure ? 'https' : 'http'}://${headers.get('host') ?? new URL(url).host}`;
}

function returnedHeaders(headers: Headers): Record<string, string> {
  const returned: Record<string, string> = { 'cache-control': 'no-store' };
  for (const name of RETURNED_HEADERS) {
    const value = headers.get(name);
    if (value !== null) returned[name] = value;
  }
  return returned;
}
