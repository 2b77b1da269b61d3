import type { Difference } from './compare.ts';
import type { Step } from './step.ts';
import type { Reply } from './world.ts';

/** A step and what both worlds answered. */
export interface Exchange {
  readonly step: Step;
  readonly alone: Reply;
  readonly edge: Reply;
}

/** A difference that the edge makes on purpose. */
export interface Allowance {
  readonly what: string;
  /** Where that is said: a page of docs/ with its section, a law, or an RFC. */
  readonly said: string;
  allows(difference: Difference, exchange: Exchange): boolean;
}
