import type { Entry } from '../oci/descriptor.ts';
import type { RepositoryName } from '../oci/name.ts';

/** A question that one request of this isolate is asking the origin, and that others may follow. */
export interface OpenFlight {
  readonly question: string;
  readonly callerHash: string;
  /** Epoch ms. The question was sent at this time or later. */
  readonly openedAt: number;
  /** The origin's answer: its entry, or `undefined` for anything but a confirmed 200. */
  readonly answer: PromiseWithResolvers<Entry | undefined>;
  /** What the leader found in the store after the answer; `undefined`: nothing that followers could rely on. */
  readonly verdict: PromiseWithResolvers<Verdict | undefined>;
  /** Settles when the answer is in the store, or will not be. */
  readonly landing: PromiseWithResolvers<void>;
  isAnswered: boolean;
  isFollowed: boolean;
  /** Whether one of the followers has not looked in the store. */
  needsVerdict: boolean;
}

/** The tombstones that a lookup in the store saw for a shared answer. */
export interface Verdict {
  /** When the lookup began (epoch ms): it holds for callers whose requests began before. */
  readonly at: number;
  /** The origin's confirmations up to this time (epoch ms) do not count; 0: there is no tombstone. */
  readonly clearedUntil: number;
}

/** The flights that are open in this isolate. */
export interface OpenFlights {
  readonly isFull: boolean;
  /** Whether any caller is asking this. It needs no caller's hash, which is not computed while nothing is open. */
  isAsked(question: string): boolean;
  find(question: string, callerHash: string): OpenFlight | undefined;
  add(flight: OpenFlight): void;
  /** Removes a flight, unless another one has taken its place. */
  remove(flight: OpenFlight): void;
  removeAllOf(name: RepositoryName): void;
  /** Removes flights that are too old, now and then. */
  sweep(nowMs: number): void;
}

/** The platform lets a request run this long after its client has left: the leader of an older flight may be gone. */
const MAX_AGE_MS = 30_000;
const MAX_FLIGHTS = 1_000;
const SWEEP_INTERVAL_MS = 1_000;

/**
 * The key of a question within a repository. Names contain no space, so all keys of one begin with the name and a
 * space.
 */
export function questionKey(name: RepositoryName, about: string): string {
  return `${name} ${about}`;
}

export function createOpenFlights(): OpenFlights {
  /** By question, then by the caller's hash. */
  const flights = new Map<string, Map<string, OpenFlight>>();
  let count = 0;
  let sweptAt = 0;

  function remove(flight: OpenFlight): void {
    const byCaller = flights.get(flight.question);
    if (byCaller?.get(flight.callerHash) !== flight) return;
    byCaller.delete(flight.callerHash);
    count -= 1;
    if (byCaller.size === 0) flights.delete(flight.question);
  }

  return {
    get isFull() {
      return count >= MAX_FLIGHTS;
    },
    isAsked: (question) => flights.has(question),
    find: (question, callerHash) => flights.get(question)?.get(callerHash),
    add(flight) {
      const byCaller = flights.get(flight.question) ?? new Map<string, OpenFlight>();
      flights.set(flight.question, byCaller.set(flight.callerHash, flight));
      count += 1;
    },
    remove,
    removeAllOf(name) {
      for (const [question, byCaller] of flights) {
        if (question.startsWith(questionKey(name, ''))) for (const flight of byCaller.values()) remove(flight);
      }
    },
    sweep(nowMs) {
      if (Math.abs(nowMs - sweptAt) < SWEEP_INTERVAL_MS) return;
      sweptAt = nowMs;
      for (const byCaller of flights.values()) {
        for (const flight of byCaller.values()) if (nowMs - flight.openedAt >= MAX_AGE_MS) remove(flight);
      }
    },
  };
}
