import { Hono } from 'hono/tiny';
import { createContext, type RequestContext } from './context.ts';
import { isAuthority } from './http/hosts.ts';
import { METHODS } from './http/methods.ts';
import { quoted, RegistryError } from './oci/errors.ts';
import { parseRoute, splitUrl, type Target } from './oci/route.ts';
import { blobsRoute } from './routes/admin/blobs.ts';
import { budgetRoute } from './routes/admin/budget.ts';
import { cooldownRoute } from './routes/admin/cooldown.ts';
import { descriptorsRoute } from './routes/admin/descriptors.ts';
import { eventsRoute } from './routes/admin/events.ts';
import { aliasIn } from './routes/admin/guard.ts';
import { purgeRoute } from './routes/admin/purge.ts';
import { warmRoute } from './routes/admin/warm.ts';
import { API_VERSION } from './routes/registry/answer.ts';
import { answerShared } from './routes/registry/base.ts';
import { dispatch } from './routes/registry/dispatch.ts';
import type { EventSink } from './telemetry/events.ts';
import { cacheStatus, decisionHeaders } from './telemetry/headers.ts';
import { decisionFields, errorName, framesOf, type Logger, withFields } from './telemetry/log.ts';
import type { ChosenUpstream, Upstreams } from './upstream/upstreams.ts';

export interface AppOptions {
  readonly upstreams: Upstreams;
  readonly log: Logger;
  /** `ADMIN_TOKEN`; without it the paths for operators are 404. */
  readonly adminToken?: string | undefined;
  /** The clock, in epoch ms; tests replace it. */
  readonly now?: () => number;
  /** Receives the events of all requests; without it, they go to the log at debug level. */
  readonly sink?: EventSink;
}

type AppEnv = { Bindings: { exchange: Exchanged } };

/** A request on its way, and the upstream that it is for. */
interface Exchanged {
  readonly ctx: RequestContext;
  /** What the client asked for, before names were translated. */
  readonly asked: Target;
  readonly chosen: ChosenUpstream | 'shared' | undefined;
}

/** The edge as an HTTP application. */
export interface App {
  fetch(request: Request, bindings: unknown, execution: ExecutionContext): Response | Promise<Response>;
}

/** Builds the application. This is the only place where an error becomes a response. */
export function createApp({ upstreams, log, adminToken, now = Date.now, ...options }: AppOptions): App {
  // Hono would decode the path before matching it, but it must match exactly the path that the route parser sees.
  const hono = new Hono<AppEnv>({ getPath: (_request, from) => from?.env?.exchange.ctx.target.path ?? '' });
  hono.all('/v2', (c) => registry(c.env.exchange));
  hono.all('/v2/*', (c) => registry(c.env.exchange));
  hono.all('/_edge/events', (c) => eventsRoute(c.env.exchange.ctx, upstreams.named('')));
  hono.all('/_edge/events/:alias', (c) => eventsRoute(c.env.exchange.ctx, upstreams.named(c.req.param('alias'))));
  hono.all('/_edge/cache/*', (c) => purgeRoute(c.env.exchange.ctx, upstreams, adminToken));
  hono.all('/_edge/warm', (c) => warmRoute(c.env.exchange.ctx, upstreams, adminToken));
  hono.all('/_edge/cooldown/*', (c) => cooldownRoute(c.env.exchange.ctx, upstreams, adminToken));
  hono.all('/_edge/descriptors/:digest', (c) =>
    descriptorsRoute(c.env.exchange.ctx, upstreams, adminToken, c.req.param('digest')),
  );
  hono.all('/_edge/budget', (c) => budgetRoute(c.env.exchange.ctx, upstreams, adminToken));
  hono.all('/_edge/blobs/:digest', (c) => blobsRoute(c.env.exchange.ctx, upstreams, adminToken, c.req.param('digest')));
  hono.notFound((c) => errorAnswer(c.env.exchange.ctx, new RegistryError('NAME_UNKNOWN')));
  hono.onError((error, c) => errorAnswer(c.env.exchange.ctx, error));

  function registry({ ctx, chosen }: Exchanged): Response | Promise<Response> {
    if (!METHODS.includes(ctx.method)) throw unsupported();
    const route = parseRoute(ctx.target);
    if (chosen === 'shared' && route.kind === 'base') return answerShared(ctx);
    if (chosen === 'shared' || chosen === undefined) {
      throw new RegistryError('NAME_UNKNOWN', {
        message: 'no registry is served under this name: a host, ?ns= or a prefix of the name chooses it',
      });
    }
    return dispatch(ctx, chosen.upstream, route);
  }

  /**
   * Passes a HEAD of the registry to the same handlers without Hono, which would run it as a GET and build a second
   * response from the handler's. That costs a fifth of the throughput of warm HEADs (`npm run bench -- warm-memory`).
   */
  function head(exchange: Exchanged): Response | Promise<Response> {
    const { ctx } = exchange;
    try {
      const answer = registry(exchange);
      return answer instanceof Promise ? answer.catch((error) => errorAnswer(ctx, error)) : answer;
    } catch (error) {
      return errorAnswer(ctx, error);
    }
  }

  const voices = new Map<string, { readonly log: Logger; readonly sink: EventSink }>();

  /** Returns the log and the sink of an upstream, which lines and events of the others cannot be mistaken for. */
  function voiceOf(alias: string) {
    const known = voices.get(alias);
    if (known) return known;
    const own = alias === '' ? log : withFields(log, { upstream: alias });
    const voice = { log: own, sink: options.sink ?? ((event) => own.debug('event', event)) };
    voices.set(alias, voice);
    return voice;
  }

  /** Returns the alias of the upstream that a request for one of the edge's own paths is about; empty for no other. */
  function namedIn(asked: Target): string {
    const alias = asked.path.startsWith('/_edge/') ? aliasIn(asked) : undefined;
    return alias !== undefined && upstreams.aliases.includes(alias) ? alias : '';
  }

  /** Begins a request: chooses the upstream, and asks it by the names that it has for its repositories. */
  function begin(request: Request, host: string, execution: ExecutionContext): Exchanged {
    const asked = splitUrl(request.url);
    const chosen = asked.path.startsWith('/v2') ? upstreams.choose(host, asked) : undefined;
    const { upstream, names } = chosen === undefined || chosen === 'shared' ? {} : chosen;
    const target = names?.toOrigin(asked) ?? asked;
    const alias = upstream ? upstream.alias : namedIn(asked);
    const waitUntil = (work: Promise<unknown>) => execution.waitUntil(work);
    return { ctx: createContext(request, { ...voiceOf(alias), now, target, waitUntil }), asked, chosen };
  }

  /** Ends the request: repositories are named, and tokens fetched, as the client does. */
  function finish({ ctx, chosen, asked }: Exchanged, response: Response): Response {
    if (chosen !== undefined && chosen !== 'shared') {
      chosen.names?.toClient(response, asked);
      chosen.upstream.edgeRealm?.rewrite(ctx, response);
    }
    return logRequest(ctx, response);
  }

  return {
    fetch(request, _bindings, execution) {
      const given = request.headers.get('host');
      const host = given ?? new URL(request.url).host;
      const exchange = begin(request, host, execution);
      if (given !== null && !isAuthority(given)) return finish(exchange, errorAnswer(exchange.ctx, invalidHost(given)));
      const isHead = exchange.ctx.method === 'HEAD' && exchange.ctx.target.path.startsWith('/v2');
      const answer = isHead ? head(exchange) : hono.fetch(request, { exchange }, execution);
      return answer instanceof Promise
        ? answer.then((response) => finish(exchange, response))
        : finish(exchange, answer);
    },
  };
}

function unsupported(): RegistryError {
  return new RegistryError('UNSUPPORTED', { headers: { Allow: METHODS.join(', ') } });
}

/** The runtime builds the URL from the Host header, so a malformed one makes the path ambiguous. */
function invalidHost(host: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', {
    message: 'invalid Host header: send a host name, such as registry.example.com:5000',
    detail: { host: quoted(host) },
  });
}

/** Turns an error into OCI JSON; the response to a HEAD has no body. */
function errorAnswer(ctx: RequestContext, thrown: unknown): Response {
  const error = thrown instanceof RegistryError ? thrown : new RegistryError('UNKNOWN', { cause: thrown });
  if (error !== thrown) {
    const at = thrown instanceof Error ? framesOf(thrown) : [];
    ctx.log.error('unexpected error', { error: errorName(thrown), at });
  }
  const headers = {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store, no-transform',
    ...API_VERSION,
    // RFC 9110 §15.5.2 requires a challenge. For registry paths it comes from the origin; this one is for operators.
    ...(error.status === 401 && { 'WWW-Authenticate': 'Bearer realm="registry-edge"' }),
    // RFC 9110 §15.5.6 requires Allow. What the edge refuses by default is a write.
    ...(error.status === 405 && { Allow: 'GET, HEAD' }),
    ...error.headers,
    ...decisionHeaders(ctx.events, error.status),
  };
  return new Response(ctx.method === 'HEAD' ? null : error.toBody(), { status: error.status, headers });
}

/** Logs one line per request, without the query, which may hold an upload's state or a signature. */
function logRequest(ctx: RequestContext, response: Response): Response {
  ctx.log.info('request', {
    method: ctx.method,
    path: ctx.target.path,
    status: response.status,
    cache: cacheStatus(ctx.events),
    ...decisionFields(ctx.events),
    ms: ctx.now() - ctx.startedAt,
  });
  ctx.markAnswered();
  return response;
}
