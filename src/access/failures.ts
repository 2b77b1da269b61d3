import { createFailureCounters, networkOf } from './failureCounters.ts';

const MAX_FAILURES = 30;

/** Counts the requests of an address that had a wrong token. */
export interface Failures {
  /** Whether so many have failed within a minute that no more are looked at. */
  isBlocked(address: string, nowMs: number): boolean;
  /** Counts one. @returns what takes it back */
  note(address: string, nowMs: number): () => void;
}

export function createFailures(): Failures {
  const { find, counterOf } = createFailureCounters();
  return {
    isBlocked: (address, nowMs) => (find(networkOf(address), nowMs)?.count ?? 0) >= MAX_FAILURES,
    note(address, nowMs) {
      const counter = counterOf(networkOf(address), nowMs);
      counter.count += 1;
      return () => {
        counter.count -= 1;
      };
    },
  };
}
