import type { Allowance } from '../../pulls/budget.ts';
import type { PullCounter, Taken } from '../../pulls/counter.ts';
import { WAIT_MS } from '../../pulls/leases.ts';
import { STORE_TIMEOUT_MS } from '../options.ts';
import { withTimeout } from '../timeout.ts';
import type { Objects } from './requests.ts';

/** No repository has this name: it has a space. */
const NAME = 'pull budget';

/** Counts the pulls of all isolates, in one object for each upstream. */
export function createDurablePulls({ objectOf }: Objects, declared: Allowance | undefined): PullCounter {
  return {
    isShared: true,
    async take(_ctx, pull) {
      const taking = objectOf(NAME).takePull(declared, pull);
      try {
        return await withTimeout(taking, WAIT_MS + STORE_TIMEOUT_MS);
      } catch (error) {
        taking.then(giveBack, () => undefined);
        throw error;
      }
    },
    tell: (_ctx, told, counted) => withTimeout(objectOf(NAME).tellPulls(declared, told, counted)),
    read: () => withTimeout(objectOf(NAME).readPulls(declared)),
  };
}

/** Ends a lease that comes too late, so that nobody waits for it. */
function giveBack(taken: Taken): void {
  if (taken.kind === 'granted') taken.lease[Symbol.dispose]();
}
