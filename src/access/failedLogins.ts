import { fingerprint } from '../oci/hash.ts';
import { createFailureCounters, networkOf } from './failureCounters.ts';

/** Within a minute, so many logins may fail by name and address, and by address; others are refused unseen. */
const [MAX_FAILURES, MAX_FAILURES_OF_ADDRESS] = [10, 100];

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
  const { counterOf } = createFailureCounters();

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
