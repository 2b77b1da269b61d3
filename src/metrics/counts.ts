import { BUCKETS, type MetricId, SEPARATOR } from './metrics.ts';

/** A counter that is counted up in place. */
export interface Cell {
  n: number;
}

/** A histogram: the sum, then how many values fell into each bucket, the last of which has no bound. */
export type Histogram = number[];

/** Counters and histograms by their key: the id of the metric and the values of its labels. */
export interface Series {
  readonly counters: Map<string, number>;
  readonly histograms: Map<string, Histogram>;
}

/** Counts that are gathered; a bounded number of series. */
export class Counts {
  readonly #cells = new Map<string, Cell>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #maxSeries: number;

  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  get isEmpty(): boolean {
    return this.#cells.size + this.#histograms.size === 0;
  }

  /** Returns the series as they are now. */
  get series(): Series {
    const counters = new Map<string, number>();
    for (const [key, { n }] of this.#cells) counters.set(key, n);
    return { counters, histograms: this.#histograms };
  }

  /** @param labels their values, with a `SEPARATOR` between */
  add(metric: MetricId, labels: string, by = 1): void {
    this.cell(metric, labels).n += by;
  }

  /** Returns a counter. Whoever counts often keeps it. */
  cell(metric: MetricId, labels: string): Cell {
    return this.cellOf(metric + SEPARATOR + labels);
  }

  cellOf(key: string): Cell {
    return this.#cells.get(key) ?? (this.#hasRoom() ? entryOf(this.#cells, key, () => ({ n: 0 })) : { n: 0 });
  }

  /** Returns a histogram, in which `observe` counts. */
  histogram(metric: MetricId, labels: string): Histogram {
    return this.histogramOf(metric + SEPARATOR + labels);
  }

  histogramOf(key: string): Histogram {
    const known = this.#histograms.get(key);
    if (known) return known;
    const fresh = new Array<number>(BUCKETS.length + 2).fill(0);
    if (this.#hasRoom()) this.#histograms.set(key, fresh);
    return fresh;
  }

  /** Returns a histogram, if there is one. */
  find(key: string): Histogram | undefined {
    return this.#histograms.get(key);
  }

  /** Adds everything of others. */
  merge({ counters, histograms }: Series): void {
    for (const [key, value] of counters) this.cellOf(key).n += value;
    for (const [key, values] of histograms) {
      const own = this.histogramOf(key);
      for (const [at, value] of values.entries()) own[at] = (own[at] ?? 0) + value;
    }
  }

  #hasRoom(): boolean {
    if (this.#cells.size + this.#histograms.size < this.#maxSeries) return true;
    entryOf(this.#cells, `dropped${SEPARATOR}`, () => ({ n: 0 })).n += 1;
    return false;
  }
}

/** Counts a time. */
export function observe(histogram: Histogram, ms: number): void {
  const seconds = ms / 1_000;
  const at = bucketOf(seconds) + 1;
  histogram[0] = (histogram[0] ?? 0) + seconds;
  histogram[at] = (histogram[at] ?? 0) + 1;
}

function bucketOf(seconds: number): number {
  let at = 0;
  while (at < BUCKETS.length && seconds > (BUCKETS[at] ?? 0)) at += 1;
  return at;
}

/** Returns how many values a histogram has. */
export function countOf([, ...counts]: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Returns the value of a key, which is created where there is none. */
export function entryOf<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = create();
  map.set(key, fresh);
  return fresh;
}
