import { lru } from 'tiny-lru';

/** What has failed, within this time. */
const FAILURES_MS = 60_000;
const MAX_COUNTED = 1_000;
const IPV6_GROUPS = 8;
const NETWORK_GROUPS = 4;

export interface FailureCounter {
  /** When it began (epoch ms). */
  readonly since: number;
  count: number;
}

/** Counters of failures within a minute, by key; a bounded number of them. */
export interface FailureCounters {
  /** Returns the counter of a key, if it has one that is not over. */
  find(key: string, nowMs: number): FailureCounter | undefined;
  /** Returns the counter of a key, and begins one where there is none. */
  counterOf(key: string, nowMs: number): FailureCounter;
}

export function createFailureCounters(): FailureCounters {
  const counters = lru<FailureCounter>(MAX_COUNTED);

  function find(key: string, nowMs: number): FailureCounter | undefined {
    const found = counters.get(key);
    return found && nowMs - found.since < FAILURES_MS ? found : undefined;
  }

  return {
    find,
    counterOf(key, nowMs) {
      const found = find(key, nowMs);
      if (found) return found;
      const counter = { since: nowMs, count: 0 };
      counters.set(key, counter);
      return counter;
    },
  };
}

/** Returns what stands for an address: a single client has all addresses of an IPv6 network of 64 bits. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [before = [], after = []] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(Math.max(0, IPV6_GROUPS - before.length - after.length)).fill('0');
  const groups = [...before, ...zeros, ...after].slice(0, NETWORK_GROUPS);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::`;
}
