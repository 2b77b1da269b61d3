import { mulberry32 } from '../random.ts';

/** Random choices; equal seeds make equal ones. */
export interface Dice {
  /** A number from 0 up to, but without, 1. */
  random(): number;
  /** A whole number from 0 up to, but without, `count`. */
  below(count: number): number;
  /** Whether something happens that happens with this probability. */
  chance(share: number): boolean;
  pick<T>(from: readonly [T, ...T[]]): T;
  pick<T>(from: readonly T[]): T | undefined;
}

export function createDice(seed: number): Dice {
  const random = mulberry32(seed);
  const below = (count: number) => Math.floor(random() * count);
  return {
    random,
    below,
    chance: (share) => random() < share,
    pick: <T>(from: readonly T[]) => from[below(from.length)] as T,
  };
}
