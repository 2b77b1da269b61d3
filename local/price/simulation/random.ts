/** Random numbers that a seed decides: the same in every run. */
export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** A whole number from 0 to below `count`. */
  below(count: number): number;
}

/** Creates a generator (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (count) => Math.floor(next() * count) };
}

/** Returns what draws a rank from 0 to below `count`, the n-th of which comes 1/n as often as the first (Zipf). */
export function createZipf(count: number, random: Random): { draw(): number; share(rank: number): number } {
  const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const bounds: number[] = [];
  for (const weight of weights) bounds.push((bounds.at(-1) ?? 0) + weight / total);
  return {
    draw() {
      const at = random.next();
      let [low, high] = [0, count - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((bounds[middle] ?? 1) > at) high = middle;
        else low = middle + 1;
      }
      return low;
    },
    share: (rank) => (weights[rank] ?? 0) / total,
  };
}
