import { DurableObject } from 'cloudflare:workers';
import { type Allowance, type PullBudget, type Told, UNKNOWN_BUDGET } from '../../pulls/budget.ts';
import type { Pull, Taken } from '../../pulls/counter.ts';
import { PullLedger } from '../../pulls/ledger.ts';
import { ContentTable } from './contentTable.ts';
import { Entries } from './entries.ts';
import { LeaseTarget } from './leaseTarget.ts';
import { Pointers } from './pointers.ts';
import { PullTable } from './pullTable.ts';
import type {
  Call,
  Clears,
  EntryKeys,
  Looked,
  RepositoryRpc,
  StoredBytes,
  StoredEntry,
  StoredPointer,
  TagVariant,
  Terms,
  Writes,
} from './rpc.ts';
import { SCHEMA, TABLES } from './schema.ts';
import { Tombstones } from './tombstones.ts';
import { WriteQueue } from './writeQueue.ts';

/** The methods that leave nothing in an object that has nothing. */
const REMOVES_ONLY: ReadonlySet<keyof Clears> = new Set(['presentEntries', 'content']);
/** How often what expired is removed. */
const SWEEP_MS = 3_600_000;

/**
 * The cache of one repository, a share of the content, or the pulls of an upstream, in one place: every request is one transaction that all
 * isolates see at its reply. An object that is only asked stores nothing, and one that has become empty deletes itself.
 */
export class RepositoryObject extends DurableObject implements RepositoryRpc {
  readonly #sql: SqlStorage;
  readonly #tombstones: Tombstones;
  readonly #entries: Entries;
  readonly #pointers: Pointers;
  readonly #contents: ContentTable;
  readonly #pulls: PullLedger;
  readonly #writes: Writes;
  readonly #clears: Clears;
  readonly #queue = new WriteQueue(async (run) => {
    await this.#transaction(run);
    await this.ctx.storage.sync();
  });
  #hasTables: boolean;
  /** How many sweeps there were, and after how many of them it was last made sure that there is an alarm. */
  #sweeps = 0;
  #armedAfter: number | undefined;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const now = () => this.now();
    const sql = state.storage.sql;
    const [found] = sql.exec("SELECT name FROM sqlite_master WHERE name = 'entries'");
    this.#sql = sql;
    this.#hasTables = found !== undefined;
    // An object that an older version has left behind gets the tables that it lacks.
    if (found) sql.exec(SCHEMA);
    const tombstones = new Tombstones(sql, !this.#hasTables);
    const entries = new Entries(sql, tombstones, now);
    const pointers = new Pointers(sql, tombstones, entries, now);
    const contents = new ContentTable(sql, now);
    this.#tombstones = tombstones;
    this.#entries = entries;
    this.#pointers = pointers;
    this.#contents = contents;
    const pulls = new PullTable(sql, now);
    this.#pulls = new PullLedger(
      {
        load: () => (this.#hasTables ? pulls.load() : UNKNOWN_BUDGET),
        save: (budget) => pulls.save(budget),
        commit: (work) => this.#transaction(work),
      },
      now,
    );
    this.#writes = {
      entry: (keys, entry) => entries.write(keys, entry),
      pointer: (terms, key, pointer) => pointers.write(terms, key, pointer),
      note: (terms, tag, pointer, isMoved) => pointers.note(terms, tag, pointer, isMoved),
      content: (digest, content, lifeMs) => contents.write(digest, content, lifeMs),
    };
    this.#clears = {
      mark: (keys, clearing) => entries.mark(keys, clearing),
      entries: (keys, clearing) => entries.clear(keys, clearing),
      presentEntries: (keys, clearing) => entries.clearPresent(keys, clearing),
      allEntries: (terms, clearing, most) => entries.clearAll(terms, clearing, most),
      tags: (terms, tags, clearing) => pointers.clear(terms, tags, clearing),
      allTags: (terms, clearing) => pointers.clearAll(terms, clearing),
      content: (digest) => contents.remove(digest),
    };
  }

  /** The object's own clock (epoch ms). */
  protected now(): number {
    return Date.now();
  }

  async readEntries(keys: EntryKeys): Promise<Looked<StoredEntry[]>> {
    const nothing = () => keys.digests.map(() => ({ entry: undefined, clearedUntil: 0 }));
    return { rows: this.#hasTables ? this.#entries.read(keys) : nothing(), lookedAt: this.now() };
  }

  async readPointers(terms: Terms, keys: readonly TagVariant[]): Promise<Looked<StoredPointer[]>> {
    const nothing = () => keys.map(() => ({ pointer: undefined, clearedUntil: 0, manifest: undefined }));
    return { rows: this.#hasTables ? this.#pointers.read(terms, keys) : nothing(), lookedAt: this.now() };
  }

  async readContent(digest: string): Promise<StoredBytes | undefined> {
    return this.#hasTables ? this.#contents.read(digest) : undefined;
  }

  write(calls: readonly Call<Writes>[]): Promise<unknown[]> {
    return this.#queue.add(() => calls.map((call) => run(this.#writes, call)));
  }

  async clear(calls: readonly Call<Clears>[]): Promise<unknown[]> {
    if (!this.#hasTables && calls.every(([name]) => REMOVES_ONLY.has(name))) return calls.map(() => []);
    return this.#transaction(() => calls.map((call) => run(this.#clears, call)));
  }

  async takePull(declared: Allowance | undefined, pull: Pull): Promise<Taken> {
    const taken = await this.#pulls.take(declared, pull);
    return taken.kind === 'granted' ? { ...taken, lease: new LeaseTarget(taken.lease) } : taken;
  }

  tellPulls(declared: Allowance | undefined, told: Told, counted: number): Promise<void> {
    return this.#pulls.tell(declared, told, counted);
  }

  async readPulls(declared: Allowance | undefined): Promise<PullBudget> {
    return this.#pulls.read(declared);
  }

  /** Removes what expired. Without anything left, the object deletes itself and its alarm. */
  override async alarm(): Promise<void> {
    this.#sweeps += 1;
    if (this.#hasTables && this.#sweep()) return this.ctx.storage.setAlarm(this.now() + SWEEP_MS);
    // Nothing is awaited in between: the next write has to create the tables anew.
    const deleted = this.ctx.storage.deleteAll();
    this.#hasTables = false;
    await deleted;
  }

  /** Removes the rows that expired. @returns whether any are left */
  #sweep(): boolean {
    for (const table of TABLES) this.#sql.exec(`DELETE FROM ${table} WHERE expires <= ?`, this.now());
    this.#tombstones.reload();
    return TABLES.some((table) => this.#sql.exec(`SELECT 1 FROM ${table} LIMIT 1`).toArray().length > 0);
  }

  /** Runs changes as one transaction, and makes sure that an alarm will sweep after them. */
  async #transaction<T>(work: () => T): Promise<T> {
    while (this.#armedAfter !== this.#sweeps) await this.#arm();
    if (!this.#hasTables) this.#sql.exec(SCHEMA);
    this.#hasTables = true;
    try {
      return this.ctx.storage.transactionSync(work);
    } catch (error) {
      // What was rolled back is forgotten in memory as well.
      this.#tombstones.reload();
      throw error;
    }
  }

  /**
   * Sets the alarm, if there is none. An object with rows may have lost it: the platform gives up an alarm that failed
   * some times. If it cannot be set, the next write tries again: nothing is stored that would never be swept.
   */
  async #arm(): Promise<void> {
    const { storage } = this.ctx;
    // A sweep in the meantime may delete the alarm that is found or set here.
    const sweeps = this.#sweeps;
    if ((await storage.getAlarm()) === null) await storage.setAlarm(this.now() + SWEEP_MS);
    this.#armedAfter = sweeps;
  }
}

function run<M>(methods: M, [name, ...args]: Call<M>): unknown {
  return (methods[name] as (...args: unknown[]) => unknown)(...args);
}
