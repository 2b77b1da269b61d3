/** The distribution of the values of several rounds, all in one unit. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The edge and another server in the same rounds. */
export interface Comparison {
  readonly edge: Spread;
  readonly other: Spread;
  /** The edge's value divided by the other's, round by round, since a disturbance of the machine affects both. */
  readonly ratio: Spread;
}

/**
 * The median; of an even number of values, the mean of the two in the middle.
 * @throws RangeError there are no values
 */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError('values: expected at least one');
  return (lower + upper) / 2;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: medianOf(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * Compares the values of the same rounds.
 * @param edge one value a round, as many as in `other`
 */
export function compare(edge: readonly number[], other: readonly number[]): Comparison {
  const ratios = edge.map((value, round) => value / (other[round] ?? Number.NaN));
  return { edge: spreadOf(edge), other: spreadOf(other), ratio: spreadOf(ratios) };
}

/**
 * Runs each contestant once a round: A B A B. The first round warms up and is ignored.
 * @returns the results of each contestant, one a round
 */
export async function runRounds<K extends string, T>(
  rounds: number,
  contestants: Readonly<Record<K, () => Promise<T>>>,
): Promise<Record<K, T[]>> {
  const names = Object.keys(contestants) as K[];
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<K, T[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const result = await contestants[name]();
      if (round > 0) results[name].push(result);
    }
  }
  return results;
}
