import { createRandom } from '../../../local/price/simulation/random.ts';

/** Returns a generator of pseudorandom numbers from 0 up to, but without, 1; equal seeds give equal numbers. */
export function mulberry32(seed: number): () => number {
  return createRandom(seed).next;
}
