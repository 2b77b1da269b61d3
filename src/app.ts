import { Hono } from 'hono/tiny';
import { createTelemetry, type TelemetryOptions } from './assembleTelemetry.ts';
import { createContext, type RequestContext } from './context.ts';
import { isAuthority } from './http/hosts.ts';
import { METHODS } from './http/methods.ts';
import { quoted, RegistryError } from './oci/errors.ts';
import { parseRoute, type Route, splitUrl, type Target } from './oci/route.ts';
import { aliasIn } from './routes/admin/guard.ts';
import { type AdminOptions, adminRoutes } from './routes/admin/routes.ts';
import { API_VERSION } from './routes/registry/answer.ts';
import { answerShared } from './routes/registry/base.ts';
import { dispatch } from './routes/registry/dispatch.ts';
import type { KeepAlive } from './telemetry/events.ts';
import { decisionHeaders } from './telemetry/headers.ts';
import { errorName, framesOf } from './telemetry/log.ts';
import type { ChosenUpstream } from './upstream/upstreams.ts';

export interface AppOptions extends AdminOptions, Omit<TelemetryOptions, 'now'> {
  /** The clock, in epoch ms; tests replace it. */
  readonly now?: () => number;
}

type AppEnv = { Bindings: { exchange: Exchanged } };

/** A request on its way, and the upstream that it is for. */
interface Exchanged {
  readonly ctx: RequestContext;
  /** What the client asked for, before names were translated. */
  readonly asked: Target;
  readonly chosen: ChosenUpstream | 'shared' | undefined;
  readonly keepAlive: KeepAlive;
  /** Set once it is parsed. */
  route?: Route;
}

/** The edge as an HTTP application. */
export interface App {
  fetch(request: Request, bindings: unknown, execution: ExecutionContext): Response | Promise<Response>;
}

/** Builds the application. This is the only place where an error becomes a response. */
export function createApp({ upstreams, now = Date.now, ...options }: AppOptions): App {
  const telemetry = createTelemetry({ ...options, now });
  // Hono would decode the path before matching it, but it must match exactly the path that the route parser sees.
  const hono = new Hono<AppEnv>({ getPath: (_request, from) => from?.env?.exchange.ctx.target.path ?? '' });
  hono.all('/v2', (c) => registry(c.env.exchange));
  hono.all('/v2/*', (c) => registry(c.env.exchange));
  for (const [pattern, answer] of adminRoutes({ ...options, upstreams })) {
    hono.all(pattern, (c) => answer(c.env.exchange.ctx, (name) => c.req.param(name) ?? ''));
  }
  hono.notFound((c) => errorAnswer(c.env.exchange.ctx, new RegistryError('NAME_UNKNOWN')));
  hono.onError((error, c) => errorAnswer(c.env.exchange.ctx, error));

  function registry(exchange: Exchanged): Response | Promise<Response> {
    const { ctx, chosen } = exchange;
    if (!METHODS.includes(ctx.method)) throw unsupported();
    const route = parseRoute(ctx.target);
    exchange.route = route;
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
    const keepAlive = (work: Promise<unknown>) => execution.waitUntil(work);
    const { log, sink } = telemetry.voiceOf(alias);
    return { ctx: createContext(request, { log, sink, now, target, waitUntil: keepAlive }), asked, chosen, keepAlive };
  }

  /** Ends the request: repositories are named, and tokens fetched, as the client does. */
  function finish(exchange: Exchanged, response: Response): Response {
    const { ctx, chosen, asked, route, keepAlive } = exchange;
    const { upstream, names } = chosen === undefined || chosen === 'shared' ? {} : chosen;
    names?.toClient(response, asked);
    upstream?.edgeRealm?.rewrite(ctx, response);
    telemetry.end({ ctx, route, upstream, keepAlive }, response);
    ctx.markAnswered();
    return response;
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
