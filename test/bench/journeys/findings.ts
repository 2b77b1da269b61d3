import { reasonOf } from '../report.ts';
import { type Journey, STAGES } from './plan.ts';
import type { Sample } from './traveller.ts';
import type { WayName } from './ways.ts';

/** The samples of all rounds, or why there are none. */
export type Found = readonly Sample[] | string;

const IN_TIME = STAGES.flat();

/** What was found on each way. */
export class Findings {
  readonly #found = new Map<string, Found>();

  of(way: WayName, journey: Journey): Found {
    return this.#found.get(keyOf(way, journey)) ?? 'it was not reached';
  }

  add(way: WayName, journey: Journey, sample: Sample): void {
    const before = this.of(way, journey);
    this.#found.set(keyOf(way, journey), typeof before === 'string' ? [sample] : [...before, sample]);
  }

  /** Notes that a journey failed, so that those which come later cannot be made either. */
  fail(way: WayName, journey: Journey, error: unknown): void {
    const reason = reasonOf(error);
    for (const missed of IN_TIME.slice(IN_TIME.indexOf(journey))) this.#found.set(keyOf(way, missed), reason);
  }
}

function keyOf(way: WayName, { name }: Journey): string {
  return `${way}: ${name}`;
}
