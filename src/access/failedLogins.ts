import { lru } from 'tiny-lru';
import { fingerprint } from '../oci/hash.ts';

/** Within this time, so many logins may fail by name and address, and by address; others are refused unseen. */
const FAILURES_MS = 60_000;
const [MAX_FAILURES, MAX_FAILURES_OF_ADDRESS] = [10, 100];
const MAX_COUNTED = 1_000;
const IPV6_GROUPS = 8;
const NETWORK_GROUPS = 4;

/** Counts the logins that fail. */
export interface FailedLogins {
  /**
   * Begins a login, which counts as failed until it has succeeded: otherwise any number of secrets could be tried at
   * the same time.
   * @param name who logs in; it may be long
   * @returns what to call when it has succeeded; `undefined`: it is refused unseen
   */
  begin(address: string, name: string, nowMs: number): (() => void) | undefined;
}

export function createFailedLogins(): FailedLogins {
  const counts = lru<{ readonly since: number; count: number }>(MAX_COUNTED);

  function counterOf(key: string, nowMs: number) {
    const found = counts.get(key);
    if (found && nowMs - found.since < FAILURES_MS) return found;
    const counter = { since: nowMs, count: 0 };
    counts.set(key, counter);
    return counter;
  }

  return {
    begin(address, name, nowMs) {
      const network = networkOf(address);
      const ofAddress = counterOf(network, nowMs);
      // No further names are counted: they would push out what is counted for others.
      if (ofAddress.count >= MAX_FAILURES_OF_ADDRESS) return undefined;
      const ofName = counterOf(`${network} ${fingerprint(name)}`, nowMs);
      const isRefused = ofName.count >= MAX_FAILURES;
      for (const counter of [ofAddress, ofName]) counter.count += 1;
      if (isRefused) return undefined;
      return () => {
        for (const counter of [ofAddress, ofName]) counter.count -= 1;
      };
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
