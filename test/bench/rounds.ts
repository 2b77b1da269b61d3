/** What several rounds gave: all in one unit. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Two contestants over the same rounds. */
export interface Comparison {
  readonly edge: Spread;
  readonly other: Spread;
  /** Edge by other, round by round: what disturbs the machine for a while disturbs both. */
  readonly ratio: Spread;
}

/** Of an even number of values, the mean of the two in the middle. @throws RangeError there is none */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError('the median of nothing');
  return (lower + upper) / 2;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: medianOf(values), min: Math.min(...values), max: Math.max(...values) };
}

/** @param edge one value a round, as many as `other` has */
export function compare(edge: readonly number[], other: readonly number[]): Comparison {
  const ratios = edge.map((value, round) => value / (other[round] ?? Number.NaN));
  return { edge: spreadOf(edge), other: spreadOf(other), ratio: spreadOf(ratios) };
}

/**
 * Lets every contestant have its turn once a round: A B A B. The first round is for warming up and does not count.
 * @returns what each gave, one value a round
 */
export async function inTurn<K extends string, T>(
  rounds: number,
  contestants: Readonly<Record<K, () => Promise<T>>>,
): Promise<Record<K, T[]>> {
  const names = Object.keys(contestants) as K[];
  const given = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<K, T[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const result = await contestants[name]();
      if (round > 0) given[name].push(result);
    }
  }
  return given;
}
