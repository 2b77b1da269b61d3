import { SCHEMA, TABLES } from './schema.ts';

/** How often what expired is removed. */
const SWEEP_MS = 3_600_000;

export interface LifecycleOptions {
  readonly storage: DurableObjectStorage;
  /** The object's own clock (epoch ms). */
  readonly now: () => number;
  /** Reads anew what the object remembers of its rows: some were removed, or rolled back. */
  readonly reload: () => void;
}

/**
 * The tables of an object, from its first write to the sweep that leaves nothing: an object that is only asked stores
 * nothing, and one that has become empty deletes itself.
 */
export class Lifecycle {
  readonly #storage: DurableObjectStorage;
  readonly #now: () => number;
  readonly #reload: () => void;
  #hasTables: boolean;
  /** How many sweeps there were, and after how many of them it was last made sure that there is an alarm. */
  #sweeps = 0;
  #armedAfter: number | undefined;

  constructor({ storage, now, reload }: LifecycleOptions) {
    this.#storage = storage;
    this.#now = now;
    this.#reload = reload;
    this.#hasTables = completeTables(storage.sql);
  }

  /** Whether the object has stored anything. */
  get hasTables(): boolean {
    return this.#hasTables;
  }

  /** Runs changes as one transaction, and makes sure that an alarm will sweep after them. */
  async transaction<T>(work: () => T): Promise<T> {
    while (this.#armedAfter !== this.#sweeps) await this.#arm();
    if (!this.#hasTables) this.#storage.sql.exec(SCHEMA);
    this.#hasTables = true;
    try {
      return this.#storage.transactionSync(work);
    } catch (error) {
      this.#reload();
      throw error;
    }
  }

  /** Removes what expired, and comes back for the rest. Without anything left, the object and its alarm are deleted. */
  async sweep(): Promise<void> {
    this.#sweeps += 1;
    if (this.#hasTables && this.#removeExpired()) return this.#storage.setAlarm(this.#now() + SWEEP_MS);
    // Nothing is awaited in between: the next write has to create the tables anew.
    const deleted = this.#storage.deleteAll();
    this.#hasTables = false;
    await deleted;
  }

  /** @returns whether any rows are left */
  #removeExpired(): boolean {
    const { sql } = this.#storage;
    for (const table of TABLES) sql.exec(`DELETE FROM ${table} WHERE expires <= ?`, this.#now());
    this.#reload();
    return TABLES.some((table) => sql.exec(`SELECT 1 FROM ${table} LIMIT 1`).toArray().length > 0);
  }

  /**
   * Sets the alarm, if there is none. An object with rows may have lost it: the platform gives up an alarm that failed
   * some times. If it cannot be set, the next write tries again: nothing is stored that would never be swept.
   */
  async #arm(): Promise<void> {
    // A sweep in the meantime may delete the alarm that is found or set here.
    const sweeps = this.#sweeps;
    if ((await this.#storage.getAlarm()) === null) await this.#storage.setAlarm(this.#now() + SWEEP_MS);
    this.#armedAfter = sweeps;
  }
}

/** Gives an object that an earlier version wrote the tables that it lacks. @returns whether it has any */
function completeTables(sql: SqlStorage): boolean {
  const query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (SELECT value FROM json_each(?))";
  const found = sql.exec(query, JSON.stringify(TABLES)).toArray().length;
  if (found > 0 && found < TABLES.length) sql.exec(SCHEMA);
  return found > 0;
}
