import type { Memory } from '../../isolate/memory.ts';
import type { Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { DescriptorRecords, Records, RepositoryRecords } from '../records.ts';
import { isAlive } from '../tombstone.ts';
import { createTombstones } from './tombstones.ts';

/** A descriptor's digest, media type and numbers. */
const ENTRY_BYTES = 400;
/** Stands for all repositories: no name looks like this. */
const GLOBAL = '*';
/** Stands for all digests of a repository. */
const ALL = '';
/** Nothing is sent anywhere: this only bounds what is done between two looks at the others. */
const BATCH = 1_000;

/**
 * Descriptors in this isolate's memory: the tier in front of a shared store, or all there is (`BLOBDESCRIPTOR=inmemory`).
 * @param ttlMs how long an entry may be served without looking elsewhere
 * @param keepsGlobal whether the global records are kept here; a tier leaves them to the store behind it
 */
export function createInMemoryDescriptors(
  memory: Memory,
  { ttlMs, keepsGlobal = false }: { ttlMs: number; keepsGlobal?: boolean },
): DescriptorRecords {
  const entries = memory.part<Entry>('descriptor');
  const tombstones = createTombstones();
  const keyIn = (scope: string, links: LinkSet, digest: Digest | typeof ALL) => `${links} ${scope} ${digest}`;

  /** Without the purges of the repository. */
  function clearedAlone(scope: string, links: LinkSet, digest: Digest): number {
    return Math.max(tombstones.until(keyIn(scope, links, digest)), tombstones.until(keyIn(GLOBAL, links, digest)));
  }

  function clearedUntil(scope: string, links: LinkSet, digest: Digest): number {
    if (tombstones.isEmpty()) return 0;
    return Math.max(clearedAlone(scope, links, digest), tombstones.until(keyIn(scope, links, ALL)));
  }

  function recordsOf(scope: string, links: LinkSet): RepositoryRecords {
    const keyOf = (digest: Digest | typeof ALL) => keyIn(scope, links, digest);
    /** A tombstone for each of many digests would push out those of others. */
    function writeTombstone(digest: Digest, until: number): void {
      if (clearedUntil(scope, links, digest) < until) tombstones.extend(keyOf(digest), until);
    }
    return {
      batch: BATCH,
      async read(ctx, digests) {
        return digests.map((digest) => ({
          entry: entries.get(keyOf(digest), ctx.now()),
          cleared: clearedUntil(scope, links, digest),
        }));
      },
      async write(ctx, digests, entry) {
        // From when it was true, that is when this request began, or asked the origin: what comes late to this isolate is
        // kept no longer for that, since a delete through another one is not heard of here.
        const since = Math.min(ctx.now(), Math.max(ctx.startedAt, entry.verifiedAt));
        for (const digest of digests) {
          // What is buried already would never answer; nobody confirms a global record.
          if (scope !== GLOBAL && !isAlive(entry.verifiedAt, clearedUntil(scope, links, digest))) continue;
          entries.set(keyOf(digest), entry, since + ttlMs, ENTRY_BYTES);
        }
      },
      async writeTombstone(_ctx, digest, until) {
        writeTombstone(digest, until);
      },
      async clear(ctx, digests, { until, sparesLater }) {
        return digests.map((digest) => {
          const known = entries.get(keyOf(digest), ctx.now());
          writeTombstone(digest, until);
          const isSpared = sparesLater && known && isAlive(known.verifiedAt, clearedUntil(scope, links, digest));
          if (!isSpared) entries.delete(keyOf(digest));
          return known?.descriptor.digest;
        });
      },
      async clearAll(ctx, { until }, most) {
        const prefix = keyOf(ALL);
        const counted: Digest[] = [];
        const keys = entries.keys(prefix);
        for (const key of keys.slice(0, most)) {
          const digest = key.slice(prefix.length) as Digest;
          const entry = entries.get(key, ctx.now());
          // Nothing is written that a purge has buried: what it buries and has left was there before it, and counted.
          if (entry && isAlive(entry.verifiedAt, clearedAlone(scope, links, digest))) counted.push(digest);
          entries.delete(key);
        }
        tombstones.extend(prefix, until);
        return { counted, isMore: keys.length > most };
      },
    };
  }

  /** The global record is written with every repository's, and the first media type stays. */
  function withGlobal(scoped: RepositoryRecords, links: LinkSet): RepositoryRecords {
    const global = recordsOf(GLOBAL, links);
    return {
      ...scoped,
      async write(ctx, digests, entry) {
        await scoped.write(ctx, digests, entry);
        for (const digest of digests) {
          const known = entries.get(keyIn(GLOBAL, links, digest), ctx.now())?.descriptor.mediaType;
          const descriptor = { ...entry.descriptor, mediaType: known ?? entry.descriptor.mediaType };
          await global.write(ctx, new Set([digest]), { descriptor, verifiedAt: 0 });
        }
      },
    };
  }

  return {
    repositoryScoped: (name, links) =>
      keepsGlobal ? withGlobal(recordsOf(name, links), links) : recordsOf(name, links),
    unscoped(links) {
      const read: Records['read'] = async (ctx, digests) =>
        digests.map((digest) => ({ entry: entries.get(keyIn(GLOBAL, links, digest), ctx.now()), cleared: 0 }));
      return { ...recordsOf(GLOBAL, links), read };
    },
    // Nobody else writes here, so what went in sound comes out sound. An alias depends on another entry: not at once.
    peek(ctx, name, links, digest) {
      const entry = entries.get(keyIn(name, links, digest), ctx.now());
      if (entry?.descriptor.digest !== digest) return undefined;
      return isAlive(entry.verifiedAt, clearedUntil(name, links, digest)) ? entry : undefined;
    },
  };
}
