import type { Hour } from '../metrics/rpc.ts';

const HOUR_MS = 3_600_000;
const SHOWN_HOURS = 48;
/** That of `metrics.ts`: what the page imported from there, each isolate would import as a module when it starts. */
const SEPARATOR = '|';

/** What one hour brought, of all upstreams. */
export interface HourFigures {
  /** Epoch ms. */
  readonly startsAt: number;
  /** Requests that the cache answered, and those that went to the origin. */
  readonly hits: number;
  readonly misses: number;
  readonly originRequests: number;
  readonly savedRequests: number;
  readonly savedSeconds: number;
  readonly savedBytes: number;
}

export type Sums = Omit<HourFigures, 'startsAt'>;

/** Returns the last 48 hours, the oldest first, also those in which nothing was counted. */
export function figuresOf(hours: readonly Hour[], nowMs: number): HourFigures[] {
  const last = nowMs - (nowMs % HOUR_MS);
  const known = new Map(hours.map((hour) => [hour.startsAt, hour.counters]));
  return Array.from({ length: SHOWN_HOURS }, (_, at) => {
    const startsAt = last - (SHOWN_HOURS - 1 - at) * HOUR_MS;
    return { startsAt, ...countsOf(known.get(startsAt) ?? new Map()) };
  });
}

function countsOf(counters: Hour['counters']): Sums {
  const requests = seriesOf(counters, 'requests');
  const ofCache = (isHit: boolean) =>
    sum(requests.filter(([labels]) => labels.at(-1) !== 'none' && (labels.at(-1) === 'hit') === isHit));
  return {
    hits: ofCache(true),
    misses: ofCache(false),
    originRequests: sum(seriesOf(counters, 'originRequests')),
    savedRequests: sum(seriesOf(counters, 'savedRequests')),
    savedSeconds: sum(seriesOf(counters, 'savedSeconds')),
    savedBytes: sum(seriesOf(counters, 'savedBytes')),
  };
}

/** Adds up all hours. */
export function sumsOf(hours: readonly HourFigures[]): Sums {
  const total = (of: keyof Sums) => hours.reduce((all, hour) => all + hour[of], 0);
  return {
    hits: total('hits'),
    misses: total('misses'),
    originRequests: total('originRequests'),
    savedRequests: total('savedRequests'),
    savedSeconds: total('savedSeconds'),
    savedBytes: total('savedBytes'),
  };
}

export type LabeledCount = readonly [labels: readonly string[], count: number];

/** Returns the series of a metric with the values of their labels. */
export function seriesOf(counters: ReadonlyMap<string, number>, metric: string): LabeledCount[] {
  return [...counters].flatMap(([key, count]): LabeledCount[] => {
    const [id, ...labels] = key.split(SEPARATOR);
    return id === metric ? [[labels, count]] : [];
  });
}

/** Adds up the counters of several hours, by their keys. */
export function merged(hours: readonly Hour[]): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const { counters } of hours) for (const [key, count] of counters) all.set(key, (all.get(key) ?? 0) + count);
  return all;
}

function sum(series: readonly LabeledCount[]): number {
  return series.reduce((all, [, count]) => all + count, 0);
}
