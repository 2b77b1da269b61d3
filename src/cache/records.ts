import type { RequestContext } from '../context.ts';
import { checkEntry, type Entry } from '../oci/descriptor.ts';
import { type Digest, isDigest, parseDigest } from '../oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../oci/name.ts';
import {
  asCacheFault,
  type BlobDescriptorCacheProvider,
  type BlobDescriptorService,
  type LinkSet,
} from './provider.ts';
import { CLOCK_SKEW_MS, isAlive } from './tombstone.ts';

/** What a store has under a digest. `cleared`: entries confirmed until then do not count (epoch ms); 0: no tombstone. */
export interface StoredRecord {
  readonly entry: Entry | undefined;
  readonly cleared: number;
  /** The digest is a member, but of its descriptor nothing is left: whoever cleared it did not finish. */
  readonly isHalfCleared?: boolean;
}

/**
 * One repository's records in a store: all that a backend has to do. It puts values in and takes them out as they are;
 * what they mean, and whether they are sound, is decided once for all backends, below.
 */
export interface Records {
  read(ctx: RequestContext, digest: Digest): Promise<StoredRecord>;
  /** Writes the entry under each of the digests, together if the store can. */
  write(ctx: RequestContext, digests: ReadonlySet<Digest>, entry: Entry): Promise<void>;
  /**
   * Removes the entry and leaves a tombstone, in one step.
   * @param cleared until when entries do not count (epoch ms)
   * @returns the digest in the entry that was there, if it is known
   */
  clear(ctx: RequestContext, digest: Digest, cleared: number): Promise<string | undefined>;
  /** Leaves the tombstone alone. */
  bury(ctx: RequestContext, digest: Digest, cleared: number): Promise<void>;
}

/**
 * A descriptor cache over the records of a backend.
 * @param globalOf the global records, where the backend has them
 */
export function createProvider(
  recordsOf: (name: RepositoryName, links: LinkSet) => Records,
  globalOf?: (links: LinkSet) => Records,
): BlobDescriptorCacheProvider {
  return {
    repositoryScoped: (name, links) => createService(recordsOf(parseRepositoryName(name), links)),
    ...(globalOf && { unscoped: (links) => createService(globalOf(links)) }),
  };
}

/**
 * The verbs over records. Stores are shared with other writers, so everything is checked on the way in *and* out
 * before anybody relies on it; an entry counts only if it was confirmed after its tombstone, and an alias only while its
 * canonical entry does.
 */
function createService(records: Records): BlobDescriptorService {
  async function read(ctx: RequestContext, digest: Digest): Promise<StoredRecord> {
    const record = await records.read(ctx, digest);
    if (record.entry) checkEntry(digest, record.entry);
    return record;
  }

  return {
    async stat(ctx, digest) {
      parseDigest(digest);
      return asCacheFault('stat', async () => {
        const { entry, cleared, isHalfCleared } = await read(ctx, digest);
        if (isHalfCleared) ctx.emit({ kind: 'half-cleared' });
        if (!entry || !isAlive(entry.verifiedAt, cleared)) return undefined;
        const canonical = entry.descriptor.digest;
        if (canonical === digest) return entry;
        const target = await read(ctx, canonical);
        return target.entry && isAlive(entry.verifiedAt, target.cleared) ? entry : undefined;
      });
    },
    async setDescriptor(ctx, digest, entry) {
      checkEntry(parseDigest(digest), entry);
      await asCacheFault('setDescriptor', () => {
        return records.write(ctx, new Set([digest, entry.descriptor.digest]), entry);
      });
    },
    async bury(ctx, digest, reachMs) {
      parseDigest(digest);
      await asCacheFault('bury', () => records.bury(ctx, digest, clearedUntil(ctx, reachMs)));
    },
    async clear(ctx, digest, reachMs) {
      parseDigest(digest);
      const cleared = clearedUntil(ctx, reachMs);
      await asCacheFault('clear', async () => {
        const canonical = await records.clear(ctx, digest, cleared);
        // Rubbish in the store names nothing that could be cleared as well, and the digest itself is.
        if (canonical !== undefined && canonical !== digest && isDigest(canonical)) {
          await records.clear(ctx, canonical, cleared);
        }
      });
    },
  };
}

function clearedUntil(ctx: RequestContext, reachMs = 0): number {
  return ctx.now() + Math.max(reachMs, CLOCK_SKEW_MS);
}
