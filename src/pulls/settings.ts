import type { Allowance } from './budget.ts';

/** `UPSTREAM_BUDGET` */
export interface PullSettings {
  /** Whether the origin counts pulls. If not, its answers may still tell that it does. */
  readonly isExpected: boolean;
  /** How many it allows; `undefined`: its answers tell. */
  readonly declared: Allowance | undefined;
}
