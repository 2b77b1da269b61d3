import type { Memory } from '../../isolate/memory.ts';
import type { Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { DescriptorRecords, RepositoryRecords } from '../descriptorRecords.ts';
import type { Peek, Store } from '../store.ts';
import { isAlive } from '../tombstone.ts';
import { createTombstones } from './tombstones.ts';

/** The approximate size of an entry: digest, media type and numbers. */
const ENTRY_BYTES = 400;
/** Stands for all repositories; no repository name is equal to it. */
const GLOBAL = '*';
/** Stands for all digests of a repository. */
const ALL = '';
/** Memory needs no requests: this only bounds the lists that one step works on. */
const BATCH = 1_000;

/**
 * Keeps descriptors in this isolate's memory: as the tier in front of a shared store, or as the only store
 * (`BLOBDESCRIPTOR=inmemory`).
 * @param ttlMs how long an entry answers before it has to be read elsewhere
 * @param keepsGlobal whether to keep global records; a tier leaves them to the store behind it
 */
export function createInMemoryDescriptors(
  memory: Memory,
  { ttlMs, keepsGlobal }: { readonly ttlMs: number; readonly keepsGlobal: boolean },
): Pick<Store, 'descriptors'> & {
  readonly globals: (links: LinkSet) => DescriptorRecords;
  readonly peek: Peek['descriptor'];
} {
  const entries = memory.part<Entry>('descriptor');
  const tombstones = createTombstones();
  const keyIn = (scope: string, links: LinkSet, digest: Digest | typeof ALL) => `${links} ${scope} ${digest}`;

  /** Returns the tombstone of one digest, regardless of purges of its repository. */
  function digestClearedUntil(scope: string, links: LinkSet, digest: Digest): number {
    return Math.max(tombstones.until(keyIn(scope, links, digest)), tombstones.until(keyIn(GLOBAL, links, digest)));
  }

  function clearedUntil(scope: string, links: LinkSet, digest: Digest): number {
    if (tombstones.isEmpty()) return 0;
    return Math.max(digestClearedUntil(scope, links, digest), tombstones.until(keyIn(scope, links, ALL)));
  }

  function recordsOf(scope: string, links: LinkSet): RepositoryRecords {
    const keyOf = (digest: Digest | typeof ALL) => keyIn(scope, links, digest);
    /**
     * Writes a tombstone only if it changes anything: needless ones for many digests would push out those of others.
     */
    function writeTombstone(digest: Digest, until: number): void {
      if (clearedUntil(scope, links, digest) < until) tombstones.extend(keyOf(digest), until);
    }
    return {
      batch: BATCH,
      clearPresent: undefined,
      hide: undefined,
      async read(ctx, digests) {
        return digests.map((digest) => ({
          value: entries.get(keyOf(digest), ctx.now()),
          clearedUntil: clearedUntil(scope, links, digest),
        }));
      },
      async write(ctx, digests, entry) {
        // The time counts from when the entry was known to be true: from the start of this request, or from the request
        // to the origin. An answer that arrives late is kept no longer, since this isolate does not learn of deletes
        // through another one.
        const trueSince = Math.min(ctx.now(), Math.max(ctx.startedAt, entry.verifiedAt));
        for (const digest of digests) {
          // An entry behind a tombstone would never answer. Global records have no time of confirmation to compare.
          if (scope !== GLOBAL && !isAlive(entry.verifiedAt, clearedUntil(scope, links, digest))) continue;
          entries.set(keyOf(digest), entry, trueSince + ttlMs, ENTRY_BYTES);
        }
      },
      async writeTombstone(_ctx, digest, { until }) {
        writeTombstone(digest, until);
      },
      async clear(ctx, digests, { until, sparesLater }) {
        return digests.map((digest) => {
          const entry = entries.get(keyOf(digest), ctx.now());
          writeTombstone(digest, until);
          const isSpared = sparesLater && entry && isAlive(entry.verifiedAt, clearedUntil(scope, links, digest));
          if (!isSpared) entries.delete(keyOf(digest));
          return entry?.descriptor.digest;
        });
      },
      async list() {
        const prefix = keyOf(ALL);
        return { digests: entries.keys(prefix).map((key) => key.slice(prefix.length) as Digest) };
      },
      async clearAll(ctx, { until }, most) {
        const prefix = keyOf(ALL);
        const counted: Digest[] = [];
        const keys = entries.keys(prefix);
        for (const key of keys.slice(0, most)) {
          const digest = key.slice(prefix.length) as Digest;
          const entry = entries.get(key, ctx.now());
          // The repository's own tombstone is ignored here. It comes from an earlier step of this purge, and what that
          // step left over counted before. No entry older than the tombstone has been written since: see `write`.
          if (entry && isAlive(entry.verifiedAt, digestClearedUntil(scope, links, digest))) counted.push(digest);
          entries.delete(key);
        }
        tombstones.extend(prefix, until);
        return { counted, isMore: keys.length > most };
      },
    };
  }

  /**
   * Writes the global record with every entry of a repository. The global media type stays that of the first writer.
   */
  function withGlobal(scoped: RepositoryRecords, links: LinkSet): RepositoryRecords {
    const global = recordsOf(GLOBAL, links);
    return {
      ...scoped,
      async write(ctx, digests, entry) {
        await scoped.write(ctx, digests, entry);
        for (const digest of digests) {
          const globalType = entries.get(keyIn(GLOBAL, links, digest), ctx.now())?.descriptor.mediaType;
          const descriptor = { ...entry.descriptor, mediaType: globalType ?? entry.descriptor.mediaType };
          await global.write(ctx, new Set([digest]), { descriptor, verifiedAt: 0 });
        }
      },
    };
  }

  return {
    descriptors: (name, links) => (keepsGlobal ? withGlobal(recordsOf(name, links), links) : recordsOf(name, links)),
    globals(links) {
      const read: DescriptorRecords['read'] = async (ctx, digests) =>
        digests.map((digest) => ({ value: entries.get(keyIn(GLOBAL, links, digest), ctx.now()), clearedUntil: 0 }));
      return { ...recordsOf(GLOBAL, links), read };
    },
    // Nobody else writes to this memory, so entries need not be validated again. An alias depends on its canonical
    // entry, and is left to `stat`.
    peek(ctx, name, links, digest) {
      const entry = entries.get(keyIn(name, links, digest), ctx.now());
      if (entry?.descriptor.digest !== digest) return undefined;
      return isAlive(entry.verifiedAt, clearedUntil(name, links, digest)) ? entry : undefined;
    },
  };
}
