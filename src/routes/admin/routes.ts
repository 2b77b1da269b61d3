import { createFailures } from '../../access/failures.ts';
import type { RequestContext } from '../../context.ts';
import type { MetricsRpc } from '../../metrics/rpc.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { blobsRoute } from './blobs.ts';
import { budgetRoute } from './budget.ts';
import { cooldownRoute } from './cooldown.ts';
import { descriptorsRoute } from './descriptors.ts';
import { eventsRoute } from './events.ts';
import { knownRoute } from './known.ts';
import { metricsRoute } from './metrics.ts';
import { loginRoute, logoutRoute, pageRoute } from './page.ts';
import { purgeRoute } from './purge.ts';
import { REQUEST_TOKEN } from './session.ts';
import { versionRoute } from './version.ts';
import { warmRoute } from './warm.ts';

export interface AdminOptions {
  readonly upstreams: Upstreams;
  /** `ADMIN_TOKEN`; without it the paths for operators are 404. */
  readonly adminToken?: string | undefined;
  /** `METRICS_TOKEN`; it opens only what can be read of metrics. */
  readonly metricsToken?: string | undefined;
  /** Returns the object that has the counts; `undefined`: nothing is counted. */
  readonly metrics?: (() => MetricsRpc) | undefined;
}

/** @param param returns what the path has in the place of a parameter */
type AdminRoute = (ctx: RequestContext, param: (name: string) => string) => Promise<Response>;

/** Returns what answers the edge's own paths, by their patterns. */
export function adminRoutes(options: AdminOptions): readonly (readonly [pattern: string, answer: AdminRoute])[] {
  const { upstreams, adminToken } = options;
  const routes: readonly (readonly [string, AdminRoute])[] = [
    ['/_edge', (ctx) => pageRoute(ctx, options)],
    ['/_edge/', (ctx) => pageRoute(ctx, options)],
    [LOGIN, (ctx) => loginRoute(ctx, options)],
    ['/_edge/logout', (ctx) => logoutRoute(ctx, options)],
    ['/_edge/known/*', (ctx) => knownRoute(ctx, upstreams, adminToken)],
    ['/_edge/events', (ctx) => eventsRoute(ctx, upstreams.named(''))],
    ['/_edge/events/:alias', (ctx, param) => eventsRoute(ctx, upstreams.named(param('alias')))],
    ['/_edge/cache/*', (ctx) => purgeRoute(ctx, upstreams, adminToken)],
    ['/_edge/warm', (ctx) => warmRoute(ctx, upstreams, adminToken)],
    ['/_edge/cooldown/*', (ctx) => cooldownRoute(ctx, upstreams, adminToken)],
    ['/_edge/descriptors/:digest', (ctx, param) => descriptorsRoute(ctx, upstreams, adminToken, param('digest'))],
    ['/_edge/budget', (ctx) => budgetRoute(ctx, upstreams, adminToken)],
    ['/_edge/blobs/:digest', (ctx, param) => blobsRoute(ctx, upstreams, adminToken, param('digest'))],
    ['/_edge/metrics', (ctx) => metricsRoute(ctx, options)],
    ['/_edge/version', (ctx) => versionRoute(ctx, options)],
  ];
  const limited = createLimit();
  return routes.map(([pattern, answer]) => {
    const isLogin = pattern === LOGIN;
    return [pattern, (ctx, param) => limited(ctx, () => answer(ctx, param), isLogin)];
  });
}

const LOGIN = '/_edge/login';

/** Answers an address that has sent many wrong tokens lately as if the next one were wrong, too. */
function createLimit() {
  const failures = createFailures();
  return async (ctx: RequestContext, answer: () => Promise<Response>, isLogin: boolean): Promise<Response> => {
    const address = ctx.request.headers.get('cf-connecting-ip') ?? '';
    if (failures.isBlocked(address, ctx.now())) throw new RegistryError('UNAUTHORIZED');
    // A login waits for its body. It counts from its beginning, so that not many are tried at the same time.
    const takeBack = isLogin ? failures.note(address, ctx.now()) : undefined;
    let isWrong = false;
    try {
      const response = await answer();
      isWrong = response.status === 401;
      return response;
    } catch (error) {
      isWrong = error instanceof RegistryError && error.code === 'UNAUTHORIZED' && hasToken(ctx);
      throw error;
    } finally {
      if (!isWrong) takeBack?.();
      else if (!takeBack) failures.note(address, ctx.now());
    }
  };
}

/** Whether a request has a token at all. Any page can make its visitor send others, from the visitor's address. */
function hasToken({ request: { headers } }: RequestContext): boolean {
  return headers.has('authorization') || headers.has(REQUEST_TOKEN);
}
