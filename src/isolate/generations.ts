import type { RequestContext } from '../context.ts';
import type { Memory } from './memory.ts';

/** An identity that everything which is remembered of one repository shares until it is dropped. */
export type Generation = Record<never, never>;

/** Lets all that is remembered of a repository be dropped at once, without a walk over the memory. */
export interface Generations {
  /** Returns the current generation, which lives at least for `lifeMs` from now. */
  current(ctx: RequestContext, name: string, lifeMs: number): Generation;
  /** Ends the generation: what belongs to it does not count any more. */
  drop(name: string): void;
}

/** @param part the name of the memory's part that holds them */
export function createGenerations(memory: Memory, part: string): Generations {
  const generations = memory.part<Generation>(part);
  return {
    current(ctx, name, lifeMs) {
      const generation = generations.get(name, ctx.now()) ?? {};
      generations.set(name, generation, ctx.now() + lifeMs, 0);
      return generation;
    },
    drop: (name) => generations.delete(name),
  };
}
