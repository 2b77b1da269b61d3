/** The tombstones of whole link sets and of tags, in memory and in SQL. They are few: one for each purge and each tag. */
export class Tombstones {
  readonly #sql: SqlStorage;
  readonly #untilByScope = new Map<string, number>();

  constructor(sql: SqlStorage, isEmpty: boolean) {
    this.#sql = sql;
    if (!isEmpty) this.reload();
  }

  /** Returns the tombstone of a scope (epoch ms); 0: there is none. */
  until(scope: string): number {
    return this.#untilByScope.get(scope) ?? 0;
  }

  /** Writes a tombstone, unless the existing one reaches farther. A tombstone's life is never shortened. */
  extend(scope: string, untilMs: number, expiresMs: number): void {
    const until = Math.max(untilMs, this.until(scope));
    this.#untilByScope.set(scope, until);
    this.#sql.exec(
      `INSERT INTO cleared (scope, until, expires) VALUES (?, ?, ?)
       ON CONFLICT (scope) DO UPDATE SET until = excluded.until, expires = max(expires, excluded.expires)`,
      ...[scope, until, expiresMs],
    );
  }

  /** Reads the tombstones anew: what the sweep removed is forgotten. */
  reload(): void {
    this.#untilByScope.clear();
    for (const { scope, until } of this.#sql.exec<{ scope: string; until: number }>(
      'SELECT scope, until FROM cleared',
    )) {
      this.#untilByScope.set(scope, until);
    }
  }
}
