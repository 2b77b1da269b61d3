import type { RequestContext } from '../context.ts';
import { checkEntry, type Entry } from '../oci/descriptor.ts';
import { type Digest, isDigest, parseDigest } from '../oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../oci/name.ts';
import { batchesOf, inTurn } from './inTurn.ts';
import {
  asCacheFault,
  type BlobDescriptorCacheProvider,
  type BlobDescriptorService,
  type LinkSet,
  type Page,
  type RepositoryDescriptors,
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
 * Records in a store: all that a backend has to do. It puts values in and takes them out as they are; what they mean, and
 * whether they are sound, is decided once for all backends, below. Of many digests there are `BATCH` at most.
 */
export interface Records {
  /** In one look. @returns one record for each digest */
  read(ctx: RequestContext, digests: readonly Digest[]): Promise<readonly StoredRecord[]>;
  /** Writes the entry under each of the digests, together if the store can. */
  write(ctx: RequestContext, digests: ReadonlySet<Digest>, entry: Entry): Promise<void>;
  /**
   * Removes the entries and leaves tombstones, each in one step.
   * @param cleared until when entries do not count (epoch ms)
   * @returns the digest in the entry that was there, for each, if it is known
   */
  clear(ctx: RequestContext, digests: readonly Digest[], cleared: number): Promise<readonly (string | undefined)[]>;
  /** Leaves the tombstone alone. */
  bury(ctx: RequestContext, digest: Digest, cleared: number): Promise<void>;
}

/** The records of one repository. */
export interface RepositoryRecords extends Records {
  /** So many digests at most are read or cleared in one request, where that is more than `BATCH`. */
  readonly batch?: number;
  list(ctx: RequestContext, cursor: string | undefined): Promise<Page>;
}

/** So many digests in one request to a store; KV reads 100 keys at once, and two for each. */
export const BATCH = 50;

/**
 * A descriptor cache over the records of a backend.
 * @param globalOf the global records, where the backend has them
 */
export function createProvider(
  recordsOf: (name: RepositoryName, links: LinkSet) => RepositoryRecords,
  globalOf?: (links: LinkSet) => Records,
): BlobDescriptorCacheProvider {
  return {
    repositoryScoped: (name, links) => createRepositoryService(recordsOf(parseRepositoryName(name), links)),
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
    const [record] = await records.read(ctx, [digest]);
    if (!record) throw new TypeError('not a record');
    if (record.entry) checkEntry(digest, record.entry);
    if (record.cleared > 0) ctx.emit({ kind: 'tombstone', until: record.cleared });
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
      await asCacheFault('clear', () => clearAll(ctx, records, [digest], reachMs));
    },
  };
}

function createRepositoryService(records: RepositoryRecords): RepositoryDescriptors {
  return {
    ...createService(records),
    async evict(ctx, digests) {
      const asked = [...digests].map(parseDigest);
      const evicted = new Set<Digest>();
      const evictSome = async (some: readonly Digest[]) => {
        const there = await thoseThere(ctx, records, some);
        if (there.length > 0) await clearAll(ctx, records, there);
        for (const digest of there) evicted.add(digest);
      };
      await asCacheFault('evict', () => inTurn(batchesOf(asked, records.batch ?? BATCH), evictSome));
      return evicted;
    },
    list: (ctx, cursor) => asCacheFault('list', () => records.list(ctx, cursor)),
  };
}

/** What cannot be read, rubbish perhaps, may be there. */
async function thoseThere(ctx: RequestContext, records: Records, digests: readonly Digest[]): Promise<Digest[]> {
  const found = await records.read(ctx, digests).catch(() => undefined);
  return digests.filter((_, at) => !found?.[at] || isThere(found[at]));
}

/** One that a registry wrote may be younger than any tombstone. */
function isThere({ entry, cleared, isHalfCleared = false }: StoredRecord): boolean {
  return isHalfCleared || (entry !== undefined && (entry.verifiedAt === 0 || isAlive(entry.verifiedAt, cleared)));
}

/** Of an alias the canonical entry too. */
async function clearAll(ctx: RequestContext, records: Records, digests: readonly Digest[], reachMs?: number) {
  const cleared = clearedUntil(ctx, reachMs);
  const named = await records.clear(ctx, digests, cleared);
  // Rubbish in the store names nothing that could be cleared as well, and the digest itself is.
  const canonical = named.filter((text) => text !== undefined && isDigest(text)) as Digest[];
  const left = new Set(canonical).difference(new Set(digests));
  if (left.size > 0) await records.clear(ctx, [...left], cleared);
}

function clearedUntil(ctx: RequestContext, reachMs = 0): number {
  return ctx.now() + Math.max(reachMs, CLOCK_SKEW_MS);
}
