import { BUCKETS, type MetricId, SEPARATOR } from './metrics.ts';

/** A histogram: the sum, then how many values fell into each bucket, the last of which has no bound. */
export type Histogram = number[];

/** Counters and histograms by their key: the id of the metric and the values of its labels. */
export interface Series {
  readonly counters: Map<string, number>;
  readonly histograms: Map<string, Histogram>;
}

/** Counts that are gathered; a bounded number of series. */
export class Counts implements Series {
  readonly counters = new Map<string, number>();
  readonly histograms = new Map<string, Histogram>();
  readonly #maxSeries: number;

  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  get isEmpty(): boolean {
    return this.counters.size + this.histograms.size === 0;
  }

  /** @param labels their values, with a `SEPARATOR` between */
  add(metric: MetricId, labels: string, by = 1): void {
    this.addTo(metric + SEPARATOR + labels, by);
  }

  addTo(key: string, by: number): void {
    const known = this.counters.get(key);
    if (known !== undefined || this.#hasRoom()) this.counters.set(key, (known ?? 0) + by);
  }

  /** Adds a time to a histogram. */
  observe(metric: MetricId, labels: string, ms: number): void {
    const histogram = this.histogramOf(metric + SEPARATOR + labels);
    if (!histogram) return;
    const seconds = ms / 1_000;
    const at = bucketOf(seconds) + 1;
    histogram[0] = (histogram[0] ?? 0) + seconds;
    histogram[at] = (histogram[at] ?? 0) + 1;
  }

  /** Adds everything of another one. */
  merge({ counters, histograms }: Series): void {
    for (const [key, value] of counters) this.addTo(key, value);
    for (const [key, values] of histograms) {
      const own = this.histogramOf(key);
      if (own) for (const [at, value] of values.entries()) own[at] = (own[at] ?? 0) + value;
    }
  }

  histogramOf(key: string): Histogram | undefined {
    const known = this.histograms.get(key);
    if (known || !this.#hasRoom()) return known;
    const fresh = new Array<number>(BUCKETS.length + 2).fill(0);
    this.histograms.set(key, fresh);
    return fresh;
  }

  #hasRoom(): boolean {
    if (this.counters.size + this.histograms.size < this.#maxSeries) return true;
    const key = `dropped${SEPARATOR}`;
    this.counters.set(key, (this.counters.get(key) ?? 0) + 1);
    return false;
  }
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
