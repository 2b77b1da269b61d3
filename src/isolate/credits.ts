import { lru } from 'tiny-lru';

/**
 * Bounds how often something is asked for on behalf of strangers: each new name costs a credit, which comes back when
 * the name proves to be a good one. Good names cost nothing from then on, so only names that lead to nothing use the
 * credits up.
 */
export interface Credits {
  /** Takes a credit for a name. @returns false if none is left */
  take(name: string, nowMs: number): boolean;
  /** Gives the credit of a name back, because the name has proved to be good. */
  giveBack(name: string): void;
}

const MAX_NAMES = 1_000;

/** @param size how many names may be tried at once; `perSecond` come back in any case */
export function createCredits(size: number, perSecond: number): Credits {
  const good = lru<true>(MAX_NAMES);
  const charged = lru<true>(MAX_NAMES);
  let left = size;
  let countedAt = 0;
  return {
    take(name, nowMs) {
      if (good.get(name)) return true;
      left = Math.min(size, left + (Math.max(0, nowMs - countedAt) / 1_000) * perSecond);
      countedAt = nowMs;
      if (left < 1) return false;
      left -= 1;
      charged.set(name, true);
      return true;
    },
    giveBack(name) {
      if (!charged.get(name)) return;
      charged.delete(name);
      good.set(name, true);
      left = Math.min(size, left + 1);
    },
  };
}
