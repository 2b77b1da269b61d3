import type { StoredBytes } from './rpc.ts';

/** The content in an object's SQL. */
export class ContentTable {
  readonly #sql: SqlStorage;
  readonly #now: () => number;

  constructor(sql: SqlStorage, now: () => number) {
    this.#sql = sql;
    this.#now = now;
  }

  read(digest: string): StoredBytes | undefined {
    const now = this.#now();
    const [row] = this.#sql.exec<{ content: ArrayBuffer; written: number; expires: number }>(
      'SELECT content, written, expires FROM contents WHERE digest = ? AND expires > ?',
      ...[digest, now],
    );
    return row && { content: new Uint8Array(row.content), isOld: now > (row.written + row.expires) / 2 };
  }

  write(digest: string, content: Uint8Array, lifeMs: number): void {
    const now = this.#now();
    this.#sql.exec(
      'INSERT OR REPLACE INTO contents (digest, content, written, expires) VALUES (?, ?, ?, ?)',
      ...[digest, content, now, now + lifeMs],
    );
  }

  remove(digest: string): void {
    this.#sql.exec('DELETE FROM contents WHERE digest = ?', digest);
  }
}
