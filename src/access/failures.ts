import { lru } from 'tiny-lru';
import { networkOf } from './failedLogins.ts';

const FAILURES_MS = 60_000;
const MAX_FAILURES = 30;
const MAX_COUNTED = 1_000;

/** Counts the requests of an address that had a wrong token. */
export interface Failures {
  /** Whether so many have failed within a minute that no more are looked at. */
  isBlocked(address: string, nowMs: number): boolean;
  /** Counts one. @returns what takes it back */
  note(address: string, nowMs: number): () => void;
}

export function createFailures(): Failures {
  const counts = lru<{ readonly since: number; count: number }>(MAX_COUNTED);

  function find(address: string, nowMs: number) {
    const found = counts.get(networkOf(address));
    return found && nowMs - found.since < FAILURES_MS ? found : undefined;
  }

  return {
    isBlocked: (address, nowMs) => (find(address, nowMs)?.count ?? 0) >= MAX_FAILURES,
    note(address, nowMs) {
      const counter = find(address, nowMs) ?? { since: nowMs, count: 0 };
      counter.count += 1;
      counts.set(networkOf(address), counter);
      return () => {
        counter.count -= 1;
      };
    },
  };
}
