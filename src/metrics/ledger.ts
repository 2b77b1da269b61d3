import { Counts, countOf, entryOf } from './counts.ts';
import type { Batch } from './gathered.ts';
import { METRICS, type Metric, SEPARATOR } from './metrics.ts';
import type { Hour } from './rpc.ts';
import { type TopLists, Tops } from './tops.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KEPT_HOURS = 48;
/** With each of some 150 bytes they fit into one value of the object's storage, which has 2 MB. */
const MAX_SERIES = 5_000;
export const MAX_HOURLY_SERIES = 2_000;
/** So long a batch of an isolate may be sent again. Isolates give up before. */
const REMEMBERED_MS = 1_800_000;
/** More isolates than an edge has within that time; whoever delivered longest ago is forgotten first. */
const MAX_REMEMBERED = 10_000;

/** What an isolate delivered last. */
export interface Delivered {
  readonly sequence: number;
  /** Epoch ms. */
  readonly at: number;
}

/** The counts of all isolates. Counters only grow. */
export class Ledger {
  readonly since: number;
  readonly totals = new Counts(MAX_SERIES);
  readonly hours = new Map<number, Counts>();
  /** By the day on which it begins: the last two. */
  readonly days = new Map<number, Tops>();
  readonly delivered = new Map<string, Delivered>();

  /** @param since when the counts began (epoch ms) */
  constructor(since: number) {
    this.since = since;
  }

  /** Adds those of the batches that were not added before. @returns the number of the isolate's last one */
  add(isolate: string, batches: readonly Batch[], nowMs: number): number {
    let last = this.delivered.get(isolate)?.sequence ?? 0;
    for (const batch of batches) {
      if (batch.sequence <= last) continue;
      last = batch.sequence;
      this.#apply(batch, nowMs);
    }
    this.delivered.delete(isolate);
    this.delivered.set(isolate, { sequence: last, at: nowMs });
    this.forgetOld(nowMs);
    return last;
  }

  /** The hours, the oldest first. */
  hourly(): Hour[] {
    return [...this.hours]
      .toSorted(([a], [b]) => a - b)
      .map(([startsAt, { series }]) => ({ startsAt, counters: series.counters }));
  }

  /** The hours in which something may have been counted since a time. */
  changedHours(sinceMs: number): [startsAt: number, hour: Counts][] {
    return [...this.hours].filter(([startsAt]) => startsAt >= floorTo(sinceMs, HOUR_MS));
  }

  changedDays(sinceMs: number): [startsAt: number, day: Tops][] {
    return [...this.days].filter(([startsAt]) => startsAt >= floorTo(sinceMs, DAY_MS));
  }

  /** The lists of the last day or two. */
  tops(): TopLists {
    const all = new Tops();
    for (const { lists } of this.days.values()) all.merge(lists);
    return all.lists;
  }

  #apply({ counters, histograms, tops }: Batch, nowMs: number): void {
    const hour = entryOf(this.hours, floorTo(nowMs, HOUR_MS), () => new Counts(MAX_HOURLY_SERIES));
    this.totals.merge({ counters: new Map(), histograms });
    for (const [key, counted] of counters) {
      const by = idOf(key) === 'savedSeconds' ? this.#worthOf(key, counted) : counted;
      this.totals.cellOf(key).n += by;
      if (isHourly(key)) hour.cellOf(key).n += by;
    }
    entryOf(this.days, floorTo(nowMs, DAY_MS), () => new Tops()).merge(tops);
  }

  /** Returns what hits have saved, in seconds: each the mean of what the same kind of question has taken so far. */
  #worthOf(key: string, hits: number): number {
    const waits = this.totals.find(key.replace('savedSeconds', 'originWaits'));
    return waits ? (hits * (waits[0] ?? 0)) / countOf(waits) : 0;
  }

  /** Forgets the hours and days that are no longer told of, and isolates that send nothing again. */
  forgetOld(nowMs: number): void {
    for (const startsAt of this.hours.keys()) if (startsAt <= nowMs - KEPT_HOURS * HOUR_MS) this.hours.delete(startsAt);
    for (const day of this.days.keys()) if (day <= nowMs - 2 * DAY_MS) this.days.delete(day);
    for (const [isolate, { at }] of this.delivered) {
      // In the order of their last deliveries.
      if (at >= nowMs - REMEMBERED_MS && this.delivered.size <= MAX_REMEMBERED) break;
      this.delivered.delete(isolate);
    }
  }
}

/** Returns the id with which a key begins; of another version it may be one that this one does not know. */
function idOf(key: string): string {
  return key.slice(0, key.indexOf(SEPARATOR));
}

function isHourly(key: string): boolean {
  return (METRICS as Readonly<Record<string, Metric>>)[idOf(key)]?.isHourly === true;
}

function floorTo(ms: number, step: number): number {
  return ms - (ms % step);
}
