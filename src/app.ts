import { Hono } from 'hono/tiny';
import { createContext, type RequestContext } from './context.ts';
import { isAuthority } from './http/hosts.ts';
import { quoted, RegistryError } from './oci/errors.ts';
import { parseRoute, splitUrl, type Target } from './oci/route.ts';
import { descriptorsRoute } from './routes/admin/descriptors.ts';
import { eventsRoute } from './routes/admin/events.ts';
import { purgeRoute } from './routes/admin/purge.ts';
import { API_VERSION } from './routes/registry/answer.ts';
import { dispatch } from './routes/registry/dispatch.ts';
import type { EventSink } from './telemetry/events.ts';
import { cacheStatus, decisionHeaders } from './telemetry/headers.ts';
import { errorName, framesOf, type Logger } from './telemetry/log.ts';
import type { Upstream } from './upstream/upstream.ts';

export interface AppOptions {
  readonly upstream: Upstream;
  readonly log: Logger;
  /** `ADMIN_TOKEN`; without it the paths for operators are 404. */
  readonly adminToken?: string | undefined;
  /** `EVENTS_TOKEN`; without it the path for the registry's events is 404. */
  readonly eventsToken?: string | undefined;
  /** The clock, in epoch ms; tests replace it. */
  readonly now?: () => number;
  /** Receives the events of all requests; without it, they go to the log at debug level. */
  readonly sink?: EventSink;
}

/** The methods that registries use. No other reaches the origin: the cache could not follow what it changes there. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

type AppEnv = { Bindings: { ctx: RequestContext } };

/** The edge as an HTTP application. */
export interface App {
  fetch(request: Request, bindings: unknown, execution: ExecutionContext): Response | Promise<Response>;
}

/** Builds the application. This is the only place where an error becomes a response. */
export function createApp({ upstream, log, adminToken, eventsToken, now = Date.now, ...options }: AppOptions): App {
  const { sink = (event) => log.debug('event', event) } = options;
  // Hono would decode the path before matching it, but it must match exactly the path that the route parser sees.
  const hono = new Hono<AppEnv>({ getPath: (_request, from) => from?.env?.ctx.target.path ?? '' });
  const registry = (ctx: RequestContext) => {
    if (!METHODS.includes(ctx.method)) throw unsupported();
    return dispatch(ctx, upstream, parseRoute(ctx.target));
  };
  hono.all('/v2', (c) => registry(c.env.ctx));
  hono.all('/v2/*', (c) => registry(c.env.ctx));
  hono.all('/_edge/events', (c) => eventsRoute(c.env.ctx, upstream, eventsToken));
  hono.all('/_edge/cache/*', (c) => purgeRoute(c.env.ctx, upstream, adminToken));
  hono.all('/_edge/descriptors/:digest', (c) =>
    descriptorsRoute(c.env.ctx, upstream, adminToken, c.req.param('digest')),
  );
  hono.notFound((c) => errorAnswer(c.env.ctx, new RegistryError('NAME_UNKNOWN')));
  hono.onError((error, c) => errorAnswer(c.env.ctx, error));

  /**
   * Passes a HEAD of the registry to the same handlers without Hono, which would run it as a GET and build a second
   * response from the handler's. That costs a fifth of the throughput of warm HEADs (`npm run bench -- warm-memory`).
   */
  function head(ctx: RequestContext): Response | Promise<Response> {
    try {
      const answer = registry(ctx);
      return answer instanceof Promise ? answer.catch((error) => errorAnswer(ctx, error)) : answer;
    } catch (error) {
      return errorAnswer(ctx, error);
    }
  }

  /** Ends the request: repositories are named as the client named them. @param asked what the client asked for */
  function finish(ctx: RequestContext, response: Response, asked: Target): Response {
    if (ctx.target !== asked) upstream.shortNames?.shorten(response, asked);
    return logRequest(ctx, response);
  }

  return {
    fetch(request, _bindings, execution) {
      const asked = splitUrl(request.url);
      const target = upstream.shortNames?.expand(asked) ?? asked;
      const ctx = createContext(request, { log, sink, now, target, waitUntil: (work) => execution.waitUntil(work) });
      const host = request.headers.get('host');
      if (host !== null && !isAuthority(host)) return logRequest(ctx, errorAnswer(ctx, invalidHost(host)));
      const isHead = ctx.method === 'HEAD' && ctx.target.path.startsWith('/v2');
      const answer = isHead ? head(ctx) : hono.fetch(request, { ctx }, execution);
      return answer instanceof Promise
        ? answer.then((response) => finish(ctx, response, asked))
        : finish(ctx, answer, asked);
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
    ms: ctx.now() - ctx.startedAt,
  });
  ctx.markAnswered();
  return response;
}
