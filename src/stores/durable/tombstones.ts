import type { Clearing } from '../tombstone.ts';

/**
 * Returns how far a tombstone reaches (epoch ms): as far ahead by the object's own clock as it should by the clock of
 * whoever clears, which may be wrong.
 */
export function reachOf({ until, aheadMs }: Clearing, nowMs: number): number {
  return aheadMs === undefined ? until : Math.max(until, nowMs + aheadMs);
}

/**
 * Whether something was asked for too early, by the object's own clock: before its tombstone, or so long ago that the
 * tombstone may have expired. Without a time of its own, nobody can tell.
 * @param lookedAt the object's time of the look that preceded the question (epoch ms)
 * @param oldestMs what was looked for before this is of no use to anybody (epoch ms)
 */
export function isTooLate(lookedAt: number | undefined, clearedUntil: number, oldestMs: number): boolean {
  return lookedAt !== undefined && (lookedAt <= clearedUntil || lookedAt < oldestMs);
}

/** The tombstones of link sets and of tags, in memory and in SQL. They are few: one for each link set and each tag. */
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
