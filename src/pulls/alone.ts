import type { RequestContext } from '../context.ts';
import { type Allowance, type PullBudget, UNKNOWN_BUDGET } from './budget.ts';
import type { PullCounter } from './counter.ts';
import { PullLedger } from './ledger.ts';

/**
 * Counts the pulls of this isolate alone, where there are no Durable Objects. All isolates together may then send many
 * times what is declared; what the origin's headers tell is true of all of them.
 */
export function createPullsAlone(declared: Allowance | undefined): PullCounter {
  let nowMs = 0;
  let budget: PullBudget = UNKNOWN_BUDGET;
  const record = {
    load: () => budget,
    save(changed: PullBudget) {
      budget = changed;
    },
    commit: async <T>(work: () => T) => work(),
  };
  const ledger = new PullLedger(record, () => nowMs);
  /** Sets the clock by a request: there is no other one. */
  const at = (ctx: RequestContext) => {
    nowMs = ctx.now();
    return ledger;
  };
  return {
    isShared: false,
    take: (ctx, pull) => at(ctx).take(declared, pull),
    tell: (ctx, told, counted) => at(ctx).tell(declared, told, counted),
    read: async (ctx) => at(ctx).read(declared),
  };
}
