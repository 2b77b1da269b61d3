import { Counts, type Series } from './counts.ts';
import { type Delivered, Ledger, MAX_HOURLY_SERIES } from './ledger.ts';
import { type TopLists, Tops } from './tops.ts';

const [SINCE, TOTALS, DELIVERED, HOUR, DAY] = ['since', 'totals', 'delivered', 'hour ', 'day '];

/** Reads what was stored, or begins anew. */
export function loadLedger({ kv }: DurableObjectStorage, nowMs: number): Ledger {
  const ledger = new Ledger(kv.get<number>(SINCE) ?? nowMs);
  ledger.totals.merge(kv.get<Series>(TOTALS) ?? NOTHING);
  for (const [isolate, last] of kv.get<Map<string, Delivered>>(DELIVERED) ?? []) ledger.delivered.set(isolate, last);
  for (const [key, series] of kv.list<Series>({ prefix: HOUR })) {
    const hour = new Counts(MAX_HOURLY_SERIES);
    hour.merge(series);
    ledger.hours.set(startIn(key), hour);
  }
  for (const [key, lists] of kv.list<TopLists>({ prefix: DAY })) {
    const day = new Tops();
    day.merge(lists);
    ledger.days.set(startIn(key), day);
  }
  return ledger;
}

/**
 * Stores what has changed, in one step, and removes what is old.
 * @param storedAt when everything was stored last (epoch ms): hours and days that were over then have not changed
 */
export function storeLedger(storage: DurableObjectStorage, ledger: Ledger, storedAt: number): void {
  const { kv } = storage;
  storage.transactionSync(() => {
    if (kv.get(SINCE) === undefined) kv.put(SINCE, ledger.since);
    kv.put(TOTALS, ledger.totals.series);
    kv.put(DELIVERED, ledger.delivered);
    for (const [startsAt, hour] of ledger.changedHours(storedAt)) kv.put(HOUR + startsAt, hour.series);
    for (const [startsAt, day] of ledger.changedDays(storedAt)) kv.put(DAY + startsAt, day.lists);
    for (const [key] of kv.list({ prefix: HOUR })) if (!ledger.hours.has(startIn(key))) kv.delete(key);
    for (const [key] of kv.list({ prefix: DAY })) if (!ledger.days.has(startIn(key))) kv.delete(key);
  });
}

const NOTHING: Series = { counters: new Map(), histograms: new Map() };

/** Returns the time in a key (epoch ms). */
function startIn(key: string): number {
  return Number(key.slice(key.indexOf(' ') + 1));
}
