import { DurableObject } from 'cloudflare:workers';
import { delay } from '../async.ts';
import type { Batch } from './gathered.ts';
import type { Ledger } from './ledger.ts';
import type { MetricsRpc, Report, Totals } from './rpc.ts';
import { loadLedger, storeLedger } from './storage.ts';
import { topOf } from './tops.ts';

/** What comes within this time is stored together, however many isolates there are. */
const STORE_EVERY_MS = 1_000;

/** The counts of all isolates, in one object for the whole edge. */
export class MetricsObject extends DurableObject implements MetricsRpc {
  readonly #storage: DurableObjectStorage;
  readonly #ledger: Ledger;
  #storing: Promise<void> | undefined;
  #storedAt = 0;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.#storage = state.storage;
    this.#ledger = loadLedger(state.storage, this.now());
  }

  /** The object's own clock (epoch ms). */
  protected now(): number {
    return Date.now();
  }

  async add(isolate: string, batches: readonly Batch[]): Promise<number> {
    const last = this.#ledger.add(isolate, batches, this.now());
    this.#storing ??= this.#store();
    await this.#storing;
    return last;
  }

  async totals(): Promise<Totals> {
    // Nothing may have come for days.
    this.#ledger.forgetOld(this.now());
    const { since, totals } = this.#ledger;
    const { repositories, clients } = this.#ledger.tops();
    const { counters, histograms } = totals.series;
    return { since, counters, histograms, repositories: topOf(repositories), clients: topOf(clients) };
  }

  async report(): Promise<Report> {
    const totals = await this.totals();
    const { tags, slowest } = this.#ledger.tops();
    return { ...totals, hours: this.#ledger.hourly(), tags: topOf(tags), slowest };
  }

  /** Stores all that has come by then. If the object ends before, its isolates send it again. */
  async #store(): Promise<void> {
    const waitMs = this.#storedAt + STORE_EVERY_MS - this.now();
    await delay(Math.min(Math.max(0, waitMs), STORE_EVERY_MS));
    // What comes from now on needs another turn.
    this.#storing = undefined;
    const storedAt = this.#storedAt;
    storeLedger(this.#storage, this.#ledger, storedAt);
    this.#storedAt = this.now();
    await this.#storage.sync();
  }
}
