import type { Scheduler } from 'fast-check';

/** How a request to the origin or to a store goes wrong. */
type Trouble =
  | 'none'
  /** It is refused, and does nothing. */
  | 'refused'
  /** It does its work, and its answer is lost. */
  | 'unanswered'
  /** It is given up, and does its work later. */
  | 'late';

const TROUBLES: readonly Trouble[] = ['refused', 'unanswered', 'late'];
/** After this many turns of the event loop, what can go on without the schedule has done so. */
const IDLE_TURNS = 3;

export interface TroublesOptions {
  readonly scheduler: Scheduler;
  /** Draws a whole number from 0 to 99. */
  readonly draw: () => number;
  /** How many of a hundred requests go wrong. */
  readonly percent: number;
}

/** What lies between an edge and everything that it waits for: a schedule that decides what happens next. */
export class Troubles {
  readonly #options: TroublesOptions;
  /** What was given up and is not over. */
  readonly #late: Promise<unknown>[] = [];

  constructor(options: TroublesOptions) {
    this.#options = options;
  }

  /**
   * Sends a request: it is on its way for as long as the schedule wants, does its work in one step, and its answer is
   * on its way as long again.
   * @param work what the receiver does
   * @throws Error the request goes wrong
   */
  async visit<T>(label: string, work: () => T | Promise<T>): Promise<T> {
    const trouble = this.#next();
    if (trouble === 'late') {
      this.#late.push(this.#step(`${label}, late`, work).catch(() => undefined));
      await this.#step(`${label}: given up`, () => undefined);
      throw new Error(`${label}: late`);
    }
    const result = await this.#step(label, () => (trouble === 'refused' ? undefined : work()));
    await this.#step(`${label}: answered`, () => undefined);
    if (trouble !== 'none') throw new Error(`${label}: ${trouble}`);
    return result as T;
  }

  /** Settles when all that was given up is over. */
  async settle(): Promise<void> {
    while (this.#late.length > 0) await this.#late.shift();
  }

  #next(): Trouble {
    const { draw, percent } = this.#options;
    const drawn = draw();
    return drawn < percent ? (TROUBLES[drawn % TROUBLES.length] as Trouble) : 'none';
  }

  /** Does work when the schedule comes to it; nothing else is done meanwhile. */
  #step<T>(label: string, work: () => T | Promise<T>): Promise<T> {
    // The report of a failure names a step as its function.
    const step = Object.defineProperty(async () => work(), 'name', { value: label });
    return this.#options.scheduler.scheduleFunction(step)();
  }
}

/** Lets everything that does not wait for the schedule go on. */
export async function idle(): Promise<void> {
  for (let turn = 0; turn < IDLE_TURNS; turn++) await new Promise((done) => setImmediate(done));
}
