import { Counts, type Series } from './counts.ts';
import { type TopLists, Tops } from './tops.ts';

/** No isolate sees so many in ten seconds; it bounds what strange traffic costs. */
const MAX_SERIES = 2_000;

/** What an isolate has counted and not yet delivered. */
export interface Gathered {
  readonly counts: Counts;
  readonly tops: Tops;
}

export function createGathered(): Gathered {
  return { counts: new Counts(MAX_SERIES), tops: new Tops() };
}

/** What an isolate delivers. Its batches are numbered from 1, so that none counts twice. */
export interface Batch {
  readonly sequence: number;
  readonly counters: Series['counters'];
  readonly histograms: Series['histograms'];
  readonly tops: TopLists;
}

export function batchOf({ counts, tops }: Gathered, sequence: number): Batch {
  const { counters, histograms } = counts;
  const { repositories, tags, clients, slowest } = tops;
  return { sequence, counters, histograms, tops: { repositories, tags, clients, slowest } };
}
