import { type Cell, Counts, entryOf, type Histogram, type Series } from './counts.ts';
import { type TopLists, Tops } from './tops.ts';

/** No isolate sees so many in ten seconds; it bounds what strange traffic costs. */
const MAX_SERIES = 2_000;
/** The store in the isolate itself, which nobody waits for. */
const IN_ISOLATE = 'memory';

/** What is counted of looks into one store. */
interface Looks {
  readonly all: Cell;
  readonly hits: Cell;
  readonly faults: Cell;
  readonly times: Histogram | undefined;
}

/** What is counted of every one of the requests that are alike. */
interface AlikeRequests {
  readonly all: Cell;
  readonly durations: Histogram;
}

/** What is saved by the hits among requests for the same. */
interface Saved {
  readonly requests: Cell;
  readonly seconds: Cell;
}

/**
 * What an isolate has counted and not yet delivered. What every request counts is found without the key of its series,
 * which costs more than the count.
 */
export class Gathered {
  readonly counts = new Counts(MAX_SERIES);
  readonly tops = new Tops();
  readonly #looks = new Map<string, Map<string, Looks>>();
  readonly #alike = new Map<string, Map<string, Map<number, Map<string, AlikeRequests>>>>();
  readonly #saved = new Map<string, Map<string, Saved>>();

  looksOf(upstream: string, store: string): Looks {
    const ofUpstream = entryOf(this.#looks, upstream, newMap<string, Looks>);
    return ofUpstream.get(store) ?? entryOf(ofUpstream, store, () => this.#createLooks(`${upstream}|${store}`, store));
  }

  /** @param asked what was asked for, as `askedLabels` has it */
  alike(upstream: string, asked: string, status: number, cache: string): AlikeRequests {
    const ofUpstream = entryOf(this.#alike, upstream, newMap<string, Map<number, Map<string, AlikeRequests>>>);
    const ofStatus = entryOf(ofUpstream, asked, newMap<number, Map<string, AlikeRequests>>);
    const ofCache = entryOf(ofStatus, status, newMap<string, AlikeRequests>);
    return (
      ofCache.get(cache) ??
      entryOf(ofCache, cache, () => ({
        all: this.counts.cell('requests', `${upstream}|${asked}|${status}|${cache}`),
        durations: this.counts.histogram('durations', `${upstream}|${asked}|${cache}`),
      }))
    );
  }

  savedBy(upstream: string, asked: string): Saved {
    const ofUpstream = entryOf(this.#saved, upstream, newMap<string, Saved>);
    return (
      ofUpstream.get(asked) ??
      entryOf(ofUpstream, asked, () => ({
        requests: this.counts.cell('savedRequests', `${upstream}|${asked}`),
        seconds: this.counts.cell('savedSeconds', `${upstream}|${asked}`),
      }))
    );
  }

  #createLooks(labels: string, store: string): Looks {
    return {
      all: this.counts.cell('looks', labels),
      hits: this.counts.cell('lookHits', labels),
      faults: this.counts.cell('lookFaults', labels),
      times: store === IN_ISOLATE ? undefined : this.counts.histogram('lookTimes', labels),
    };
  }
}

function newMap<K, V>(): Map<K, V> {
  return new Map();
}

/** What an isolate delivers. Its batches are numbered from 1, so that none counts twice. */
export interface Batch extends Series {
  readonly sequence: number;
  readonly tops: TopLists;
}

export function batchOf({ counts, tops }: Gathered, sequence: number): Batch {
  return { sequence, ...counts.series, tops: tops.lists };
}
