import { type PullBudget, UNKNOWN_BUDGET, windowMsOf } from '../../pulls/budget.ts';

/** So much longer than its window a budget is kept, in ms: then it has begun anew for everybody. */
const KEPT_MS = 3_600_000;

/** The budget in an object's SQL: one row. */
export class PullTable {
  readonly #sql: SqlStorage;
  readonly #now: () => number;

  constructor(sql: SqlStorage, now: () => number) {
    this.#sql = sql;
    this.#now = now;
  }

  load(): PullBudget {
    const [row] = this.#sql.exec<{ budget: string }>('SELECT budget FROM pulls WHERE expires > ?', this.#now());
    return row ? { ...UNKNOWN_BUDGET, ...(JSON.parse(row.budget) as PullBudget) } : UNKNOWN_BUDGET;
  }

  save(budget: PullBudget): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO pulls (one, budget, expires) VALUES (1, ?, ?)',
      ...[JSON.stringify(budget), this.#now() + windowMsOf(budget) + KEPT_MS],
    );
  }
}
