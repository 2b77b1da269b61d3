import { type Allowance, budgetAt, countPull, hear, isSpared, leftOf, type PullBudget, type Told } from './budget.ts';
import type { Pull, PullLease, Taken } from './counter.ts';
import { type OpenLease, PullLeases } from './leases.ts';

/** Where a budget is kept. */
export interface BudgetRecord {
  load(): PullBudget;
  save(budget: PullBudget): void;
  /** Runs changes as one step. */
  commit<T>(work: () => T): Promise<T>;
}

/** Counts pulls, and sees to it that nothing is pulled twice at the same time. */
export class PullLedger {
  readonly #record: BudgetRecord;
  readonly #leases: PullLeases;
  readonly #now: () => number;

  constructor(record: BudgetRecord, now: () => number) {
    this.#record = record;
    this.#leases = new PullLeases(now);
    this.#now = now;
  }

  read(declared: Allowance | undefined): PullBudget {
    return budgetAt(this.#record.load(), declared, this.#now());
  }

  /** Takes a pull; waits, for a bounded time, while others pull the same. */
  async take(declared: Allowance | undefined, pull: Pull): Promise<Taken> {
    const lease = await this.#leases.take(pull);
    if ('digest' in lease) return { kind: 'told', ...lease };
    try {
      const known = this.read(declared);
      if (pull.isSparable && isSpared(known, this.#now())) {
        this.#leases.end(lease, 'lost');
        return { kind: 'spared', ...shownOf(known) };
      }
      const budget = await this.#change(declared, (found) => countPull(found, this.#now()));
      return { kind: 'granted', ...shownOf(budget), lease: this.#leaseOf(declared, lease) };
    } catch (error) {
      this.#leases.end(lease, 'lost');
      throw error;
    }
  }

  /** @param counted how many pulls were sent without having been taken */
  async tell(declared: Allowance | undefined, told: Told, counted: number): Promise<void> {
    await this.#change(declared, (found) => {
      const budget = counted > 0 ? countPull(found, this.#now()) : found;
      return hear(budget, told, { nowMs: this.#now(), takenAt: 0, open: this.#leases.open });
    });
  }

  #leaseOf(declared: Allowance | undefined, lease: OpenLease): PullLease {
    return {
      settle: async (told, pulled) => {
        this.#leases.end(lease, pulled ?? 'refused');
        const { takenAt } = lease;
        await this.#change(declared, (found) =>
          hear(found, told, { nowMs: this.#now(), takenAt, open: this.#leases.open }),
        );
      },
      [Symbol.dispose]: () => this.#leases.end(lease, 'lost'),
    };
  }

  #change(declared: Allowance | undefined, change: (found: PullBudget) => PullBudget): Promise<PullBudget> {
    return this.#record.commit(() => {
      const budget = change(this.read(declared));
      this.#record.save(budget);
      return budget;
    });
  }
}

/** Returns what isolates are told. */
function shownOf(budget: PullBudget) {
  return { left: leftOf(budget), limitedUntil: budget.limitedUntil };
}
