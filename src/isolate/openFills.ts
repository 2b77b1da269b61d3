import { lru } from 'tiny-lru';

/**
 * Which blobs this isolate is storing. Of many who ask for the same blob at the same time, one fills the store; the
 * others get it from the origin meanwhile, since a fill runs at the pace of its client, which may be slow. A key names
 * the upstream as well: what one origin sends says nothing about what another one sends.
 */
export interface OpenFills {
  /** Begins a fill. @returns false if one has just begun or has to rest, or if there are too many */
  begin(key: string, nowMs: number): boolean;
  /** Ends a fill. @param rests whether the same blob is not to be tried again for a while */
  end(key: string, nowMs: number, rests: boolean): void;
}

/** Each holds a piece of a body, and two connections. */
const MAX_OPEN = 64;
/** The platform may have ended the request that fills. */
const MAX_OPEN_MS = 15 * 60_000;
/** A slow client does not keep others from filling for longer: the first one who has all of it stores it. */
const ALONE_MS = 60_000;
const REST_MS = 60_000;
const MAX_RESTING = 1_000;

export function createOpenFills(): OpenFills {
  const begun = new Map<string, number>();
  const resting = lru<number>(MAX_RESTING);
  return {
    begin(key, nowMs) {
      for (const [other, atMs] of begun) if (nowMs - atMs >= MAX_OPEN_MS) begun.delete(other);
      const isFilling = nowMs - (begun.get(key) ?? Number.NEGATIVE_INFINITY) < ALONE_MS;
      if (isFilling || begun.size >= MAX_OPEN || (resting.get(key) ?? 0) > nowMs) return false;
      begun.set(key, nowMs);
      return true;
    },
    end(key, nowMs, rests) {
      begun.delete(key);
      if (rests) resting.set(key, nowMs + REST_MS);
    },
  };
}
