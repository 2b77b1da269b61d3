import type { Allowance, Exchange } from './allowance.ts';
import { ALLOWED_ANSWERS } from './allowedAnswers.ts';
import { ALLOWED_REFUSALS } from './allowedRefusals.ts';
import { type Difference, differences } from './compare.ts';
import type { Step } from './step.ts';
import type { World } from './world.ts';

/** Every difference that is no fault of the edge. Any other one is. */
export const ALLOWED: readonly Allowance[] = [...ALLOWED_ANSWERS, ...ALLOWED_REFUSALS];

/** The two worlds that get the same sequence. */
export interface Pair {
  readonly alone: World;
  /** The twin of the registry, behind edges. */
  readonly edge: World;
}

/** A request that the worlds answered differently, against the laws. */
export interface Divergence {
  /** Its place in the sequence. */
  readonly at: number;
  readonly exchange: Exchange;
  readonly differences: readonly Difference[];
}

/** Is told of each exchange, and of the allowed differences in it. */
export type Observer = (exchange: Exchange, used: readonly Allowance[]) => void;

/**
 * Sends each step to both worlds at the same time, one step after the other, and compares what they answer.
 * @returns the first divergence, after which nothing is sent
 */
export async function runSteps(
  { alone, edge }: Pair,
  steps: readonly Step[],
  observe: Observer = () => undefined,
  allowed: readonly Allowance[] = ALLOWED,
): Promise<Divergence | undefined> {
  for (const [at, step] of steps.entries()) {
    const [one, twin] = await Promise.all([alone.send(step), edge.send(step)]);
    const exchange = { step, alone: one, edge: twin };
    const all = differences(one, twin).map((difference) => {
      return { difference, by: allowed.find((each) => each.allows(difference, exchange)) };
    });
    const used = all.flatMap(({ by }) => by ?? []);
    observe(exchange, used);
    if (used.length < all.length) {
      return { at, exchange, differences: all.filter(({ by }) => !by).map(({ difference }) => difference) };
    }
  }
  return undefined;
}
