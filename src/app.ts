import { type Context, Hono } from 'hono';
import { type ContextOptions, createContext, type RequestContext } from './context.ts';
import { tellDecisions } from './events.ts';
import { errorName, framesOf, type Logger } from './log.ts';
import { RegistryError } from './oci/errors.ts';
import { parseRoute, splitUrl } from './oci/route.ts';
import { API_VERSION } from './routes/answer.ts';
import { descriptors } from './routes/descriptors.ts';
import { dispatch } from './routes/dispatch.ts';
import type { Upstream } from './upstream.ts';

export interface AppOptions {
  readonly upstream: Upstream;
  readonly log: Logger;
  /** `ADMIN_TOKEN`; without it operators' paths are 404. */
  readonly adminToken?: string | undefined;
  /** The clock, epoch ms; tests turn it. */
  readonly now?: () => number;
}

type AppEnv = { Variables: { ctx: RequestContext } };

/** The edge as an HTTP application. Here, and nowhere else, an error becomes an answer. */
export function createApp({ upstream, log, adminToken, now = Date.now }: AppOptions): Hono<AppEnv> {
  // Hono would decode the path before it matches; what the route parser sees and what is matched must be the same.
  const app = new Hono<AppEnv>({ getPath: (request) => splitUrl(request.url).path });

  app.use(async (c, next) => {
    const options: ContextOptions = { log, now, waitUntil: (work) => c.executionCtx.waitUntil(work) };
    const ctx = createContext(c.req.raw, options);
    c.set('ctx', ctx);
    await next();
    logRequest(ctx, c.res);
  });

  const registry = async (c: Context<AppEnv>) => dispatch(c.var.ctx, upstream, parseRoute(c.req.raw.url));
  app.all('/v2', registry);
  app.all('/v2/*', registry);

  app.all('/_edge/descriptors/:digest', (c) => descriptors(c.var.ctx, upstream, adminToken, c.req.param('digest')));

  app.notFound((c) => errorAnswer(c.var.ctx, new RegistryError('NAME_UNKNOWN')));
  app.onError((error, c) => {
    if (error instanceof RegistryError) return errorAnswer(c.var.ctx, error);
    log.error('unexpected error', { error: errorName(error), at: framesOf(error) });
    return errorAnswer(c.var.ctx, new RegistryError('UNKNOWN', { cause: error }));
  });
  return app;
}

/** An answer to HEAD has no body, an error included. */
function errorAnswer(ctx: RequestContext, error: RegistryError): Response {
  const headers = new Headers({
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store, no-transform',
    ...API_VERSION,
  });
  // RFC 9110 §15.5.2. Registries' challenges are the origin's; this one is for operators.
  if (error.status === 401) headers.set('WWW-Authenticate', 'Bearer realm="registry-edge"');
  // RFC 9110 §15.5.6. Whatever the edge refuses is a write.
  if (error.status === 405) headers.set('Allow', 'GET, HEAD');
  tellDecisions(ctx.events, headers, error.status);
  return new Response(ctx.request.method === 'HEAD' ? null : error.toBody(), { status: error.status, headers });
}

/** Path without query: that may hold an upload's state or a signature. */
function logRequest(ctx: RequestContext, response: Response): void {
  ctx.log.info('request', {
    method: ctx.request.method,
    path: splitUrl(ctx.request.url).path,
    status: response.status,
    cache: response.headers.get('cache-status') ?? undefined,
    ms: ctx.now() - ctx.startedAt,
  });
}
