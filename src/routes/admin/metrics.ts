import type { RequestContext } from '../../context.ts';
import { EXPOSITION_TYPE, exposition } from '../../metrics/exposition.ts';
import type { Totals } from '../../metrics/rpc.ts';
import { RegistryError } from '../../oci/errors.ts';
import { leftOf } from '../../pulls/budget.ts';
import { withTimeout } from '../../stores/timeout.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { VERSION } from '../../version.ts';
import { guard, orUnavailable } from './guard.ts';
import type { AdminOptions } from './routes.ts';

/** The object may have to begin anew. */
export const MAX_REPORT_MS = 5_000;

/**
 * Answers `GET /_edge/metrics`, for whoever has the `METRICS_TOKEN` or the `ADMIN_TOKEN`: the counts of all isolates in
 * Prometheus' text format. They are read without being reset.
 * @throws RegistryError as `guard`; NAME_UNKNOWN: nothing is counted; UNAVAILABLE: the object does not answer
 */
export async function metricsRoute(
  ctx: RequestContext,
  { upstreams, adminToken, metricsToken, metrics }: AdminOptions,
): Promise<Response> {
  await guard(ctx, [adminToken, metricsToken], ['GET', 'HEAD']);
  if (!metrics) {
    throw new RegistryError('NAME_UNKNOWN', { message: 'nothing is counted: bind METRICS, as wrangler.toml does' });
  }
  const totals = await orUnavailable(() => withTimeout(metrics().totals(), MAX_REPORT_MS));
  const pullsLeft = await readPullsLeft(ctx, upstreams, totals);
  const headers = { 'Content-Type': EXPOSITION_TYPE, 'Cache-Control': 'no-store' };
  const body = ctx.method === 'HEAD' ? null : exposition({ ...totals, pullsLeft, version: VERSION });
  return new Response(body, { headers });
}

/** Asks whoever counts the pulls of an upstream, where any were counted. An upstream whose object fails is left out. */
async function readPullsLeft(ctx: RequestContext, upstreams: Upstreams, { counters }: Totals) {
  const counting = upstreams.aliases.filter((alias) =>
    ['granted', 'told', 'spared'].some((outcome) => counters.has(`counted|${alias}|${outcome}`)),
  );
  const left = await Promise.all(
    counting.map(async (alias) => {
      const budget = await upstreams
        .named(alias)
        ?.pulls?.read(ctx)
        .catch(() => undefined);
      return [alias, budget && leftOf(budget)] as const;
    }),
  );
  return new Map(left.filter((each): each is readonly [string, number] => each[1] !== undefined));
}
