import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Memory } from './memory.ts';

/** A blob that the cache knew in a repository until the origin answered 404. */
export interface Loss {
  readonly entry: Entry;
  /** When that question was sent (epoch ms): the time of the tombstone that the eviction left. */
  readonly sentAtMs: number;
}

/** The blobs of which this isolate has seen that the origin lost them. */
export interface RecentLosses {
  add(name: RepositoryName, loss: Loss): void;
  find(name: RepositoryName, digest: Digest, nowMs: number): Loss | undefined;
}

/** A push that was told "exists" sends its manifest within this time, or the client asks again. */
const LIFE_MS = 15 * 60_000;
const LOSS_BYTES = 400;

export function createRecentLosses(memory: Memory): RecentLosses {
  const losses = memory.part<Loss>('loss');
  const keyOf = (name: RepositoryName, digest: Digest) => `${name} ${digest}`;
  return {
    add(name, loss) {
      losses.set(keyOf(name, loss.entry.descriptor.digest), loss, loss.sentAtMs + LIFE_MS, LOSS_BYTES);
    },
    find: (name, digest, nowMs) => losses.get(keyOf(name, digest), nowMs),
  };
}
