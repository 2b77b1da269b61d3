import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import { leftOf, type PullBudget, windowMsOf } from '../../pulls/budget.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { guard, jsonAnswer, orUnavailable, upstreamOf } from './guard.ts';

/**
 * Answers `GET /_edge/budget`, for operators with the `ADMIN_TOKEN`: how many pulls an upstream has left.
 * @returns JSON: what is known, null where it is not; `window` in seconds, times as in ISO 8601
 * @throws RegistryError as `guard`; REQUEST_INVALID: another query than `?upstream=`; NAME_UNKNOWN: the origin counts
 *   the pulls of each caller; UNAVAILABLE: whoever counts has failed
 */
export async function budgetRoute(
  ctx: RequestContext,
  upstreams: Upstreams,
  adminToken: string | undefined,
): Promise<Response> {
  await guard(ctx, adminToken, ['GET', 'HEAD']);
  const [{ pulls }, query] = upstreamOf(ctx, upstreams);
  if (query.size > 0) throw new RegistryError('REQUEST_INVALID', { message: 'invalid query: send ?upstream= or none' });
  if (!pulls) {
    throw new RegistryError('NAME_UNKNOWN', {
      message: 'this upstream has no budget: its origin counts the pulls of each caller (CLIENT_AUTH=origin)',
    });
  }
  const budget = await orUnavailable(() => pulls.read(ctx));
  return jsonAnswer(ctx, { ...shown(budget, ctx.now()), countedBy: pulls.isShared ? 'all isolates' : 'this isolate' });
}

function shown(budget: PullBudget, nowMs: number) {
  const { allowance, counted, startedAt, knownBy, limitedUntil } = budget;
  const timeOf = (ms: number) => (ms > nowMs ? new Date(ms).toISOString() : null);
  return {
    limit: allowance?.limit ?? null,
    remaining: leftOf(budget) ?? null,
    window: allowance ? allowance.windowMs / 1_000 : null,
    endsAt: startedAt > 0 ? timeOf(startedAt + windowMsOf(budget)) : null,
    counted,
    knownBy: knownBy ?? null,
    limitedUntil: timeOf(limitedUntil),
  };
}
