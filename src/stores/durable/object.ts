import { DurableObject } from 'cloudflare:workers';
import type { Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ClearedEntries } from '../descriptorRecords.ts';
import type { PurgedTags, TagPointer } from '../tagRecords.ts';
import type { Clearing } from '../tombstone.ts';
import { Entries } from './entries.ts';
import { Pointers } from './pointers.ts';
import type { EntryKeys, RepositoryRpc, StoredBytes, StoredEntry, StoredPointer, TagVariant, Terms } from './rpc.ts';
import { SCHEMA, TABLES } from './schema.ts';
import { Tombstones } from './tombstones.ts';

/** How often what expired is removed. */
const SWEEP_MS = 3_600_000;

/**
 * The cache of one repository, or a share of the content, in one place: every request is one transaction that all
 * isolates see at its reply. An object that is only asked stores nothing, and one that has become empty deletes itself.
 */
export class RepositoryObject extends DurableObject implements RepositoryRpc {
  readonly #sql: SqlStorage;
  #hasTables: boolean;
  #entries: Entries;
  #pointers: Pointers;
  #tombstones: Tombstones;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.#sql = state.storage.sql;
    const [found] = this.#sql.exec("SELECT name FROM sqlite_master WHERE name = 'entries'");
    this.#hasTables = found !== undefined;
    this.#tombstones = new Tombstones(this.#sql, !this.#hasTables);
    this.#entries = new Entries(this.#sql, this.#tombstones);
    this.#pointers = new Pointers(this.#sql, this.#tombstones);
  }

  async readEntries(keys: EntryKeys): Promise<StoredEntry[]> {
    if (!this.#hasTables) return keys.digests.map(() => ({ entry: undefined, clearedUntil: 0 }));
    return this.#entries.read(keys);
  }

  async writeEntry(keys: EntryKeys, entry: Entry): Promise<void> {
    await this.#write(() => this.#entries.write(keys, entry));
  }

  async markEntries(keys: EntryKeys, until: number): Promise<void> {
    await this.#write(() => this.#entries.mark(keys, until));
  }

  clearEntries(keys: EntryKeys, clearing: Clearing): Promise<(string | undefined)[]> {
    return this.#write(() => this.#entries.clear(keys, clearing));
  }

  clearAllEntries(terms: Terms & Pick<EntryKeys, 'links'>, clearing: Clearing, most: number): Promise<ClearedEntries> {
    return this.#write(() => this.#entries.clearAll(terms, clearing, most));
  }

  async readPointers(terms: Terms, keys: readonly TagVariant[]): Promise<StoredPointer[]> {
    if (!this.#hasTables) return keys.map(() => ({ pointer: undefined, clearedUntil: 0 }));
    return this.#pointers.read(terms, keys);
  }

  async writePointer(terms: Terms, key: TagVariant, pointer: TagPointer): Promise<void> {
    await this.#write(() => this.#pointers.write(terms, key, pointer));
  }

  clearTags(terms: Terms, tags: readonly string[], clearing: Clearing): Promise<Digest[]> {
    return this.#write(() => this.#pointers.clear(terms, tags, clearing));
  }

  noteTag(terms: Terms, tag: string, pointer: TagPointer, isMoved: boolean): Promise<boolean> {
    return this.#write(() => this.#pointers.note(terms, tag, pointer, isMoved));
  }

  clearAllTags(terms: Terms, clearing: Clearing): Promise<PurgedTags> {
    return this.#write(() => this.#pointers.clearAll(terms, clearing));
  }

  async readContent(digest: string): Promise<StoredBytes | undefined> {
    if (!this.#hasTables) return undefined;
    const [row] = this.#sql.exec<{ content: ArrayBuffer; written: number; expires: number }>(
      'SELECT content, written, expires FROM contents WHERE digest = ? AND expires > ?',
      ...[digest, Date.now()],
    );
    if (!row) return undefined;
    return { content: new Uint8Array(row.content), isOld: Date.now() > (row.written + row.expires) / 2 };
  }

  async writeContent(digest: string, content: Uint8Array, lifeMs: number): Promise<void> {
    const now = Date.now();
    await this.#write(() =>
      this.#sql.exec(
        'INSERT OR REPLACE INTO contents (digest, content, written, expires) VALUES (?, ?, ?, ?)',
        ...[digest, content, now, now + lifeMs],
      ),
    );
  }

  async removeContent(digest: string): Promise<void> {
    if (this.#hasTables) this.#sql.exec('DELETE FROM contents WHERE digest = ?', digest);
  }

  /** Removes what expired. Without anything left, the object deletes itself and its alarm. */
  override async alarm(): Promise<void> {
    const now = Date.now();
    for (const table of TABLES) this.#sql.exec(`DELETE FROM ${table} WHERE expires <= ?`, now);
    const isEmpty = TABLES.every((table) => this.#sql.exec(`SELECT 1 FROM ${table} LIMIT 1`).toArray().length === 0);
    this.#tombstones.reload();
    if (!isEmpty) return this.ctx.storage.setAlarm(now + SWEEP_MS);
    // Nothing is awaited in between: the next write has to create the tables anew.
    const deleted = this.ctx.storage.deleteAll();
    this.#hasTables = false;
    await deleted;
  }

  /** Runs a write as one transaction, and makes sure that an alarm will sweep after it. */
  async #write<T>(work: () => T): Promise<T> {
    if (!this.#hasTables) {
      // If the alarm cannot be set, the next write tries again: nothing is stored that would never be swept.
      await this.ctx.storage.setAlarm(Date.now() + SWEEP_MS);
      this.#sql.exec(SCHEMA);
      this.#hasTables = true;
    }
    return this.ctx.storage.transactionSync(work);
  }
}
