import type { RequestContext } from '../context.ts';
import { checkEntry, type Entry } from '../oci/descriptor.ts';
import { type Digest, parseDigest } from '../oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../oci/name.ts';
import { clearAll, clearPresentRecords, readChecked } from './clearRecords.ts';
import { batchesOf, inTurn } from './inTurn.ts';
import {
  asCacheFault,
  type BadRecord,
  type BlobDescriptorCacheProvider,
  type BlobDescriptorService,
  type LinkSet,
  type RepositoryDescriptors,
  unwrap,
} from './provider.ts';
import { aheadOf, type Clearing, isAlive, upTo } from './tombstone.ts';

/** What a store has under a digest. `cleared`: entries confirmed until then do not count (epoch ms); 0: no tombstone. */
export interface StoredRecord {
  readonly entry: Entry | undefined;
  readonly cleared: number;
  /** The digest is a member, but of its descriptor nothing is left: whoever cleared it did not finish. */
  readonly isHalfCleared?: boolean;
}

/**
 * Records in a store: all that a backend has to do. It puts values in and takes them out as they are; what they mean, and
 * whether they are sound, is decided once for all backends, below. Only that the farther of two tombstones stays is
 * decided in the store.
 */
export interface Records {
  /** In one look. @returns one record for each digest; what could not be parsed, as a value */
  read(ctx: RequestContext, digests: readonly Digest[]): Promise<readonly (StoredRecord | BadRecord)[]>;
  /** Writes the entry under each of the digests, together if the store can. */
  write(ctx: RequestContext, digests: ReadonlySet<Digest>, entry: Entry): Promise<void>;
  /**
   * Removes the entries, and what cannot be read, and leaves tombstones, each in one step.
   * @returns the digest in the entry that was there, for each, if it is known
   */
  clear(ctx: RequestContext, digests: readonly Digest[], clearing: Clearing): Promise<readonly (string | undefined)[]>;
  /** Leaves the tombstone alone. @param until when entries do not count (epoch ms) */
  writeTombstone(ctx: RequestContext, digest: Digest, until: number): Promise<void>;
}

/** Some of the digests of a repository. */
export interface Page {
  readonly digests: readonly Digest[];
  /** Where the next page begins, in the store's own words; absent at the end. */
  readonly cursor?: string | undefined;
}

/** All of a repository: page by page, or where that can be done at once, as much of it in one step as is wanted. */
type Whole =
  | { list(ctx: RequestContext, cursor: string | undefined): Promise<Page> }
  /** From the first step on nothing counts. @returns the digests of the entries that did, and whether there are more */
  | { clearAll(ctx: RequestContext, clearing: Clearing, most: number): Promise<ClearedSome> };

export interface ClearedSome {
  readonly counted: readonly Digest[];
  readonly isMore: boolean;
}

/** The cursor of a store that knows itself what is left. */
const MORE = 'more';

/** The records of one repository. */
export type RepositoryRecords = Records &
  Whole & {
    /** So many digests in one request to the store. */
    readonly batch: number;
  };

/** The descriptors that a backend keeps, as records. */
export interface DescriptorRecords {
  repositoryScoped(name: RepositoryName, links: LinkSet): RepositoryRecords;
  /** The global records, where the backend has them. */
  unscoped?(links: LinkSet): Records;
  /** As `BlobDescriptorCacheProvider.peek`. */
  peek?(ctx: RequestContext, name: RepositoryName, links: LinkSet, digest: Digest): Entry | undefined;
}

/** A descriptor cache over the records of a backend. */
export function createProvider({ repositoryScoped, unscoped, peek }: DescriptorRecords): BlobDescriptorCacheProvider {
  return {
    repositoryScoped: (name, links) => createRepositoryService(repositoryScoped(parseRepositoryName(name), links)),
    ...(unscoped && { unscoped: (links) => createService(unscoped(links)) }),
    ...(peek && { peek }),
  };
}

/**
 * The verbs over records. Stores are shared with other writers, so everything is checked on the way in *and* out
 * before anybody relies on it; an entry counts only if it was confirmed after its tombstone, and an alias only while its
 * canonical entry does.
 */
function createService(records: Records): BlobDescriptorService {
  async function read(ctx: RequestContext, digest: Digest): Promise<StoredRecord> {
    const [record] = await readChecked(ctx, records, [digest]);
    if (!record) throw new TypeError('not a record');
    const { cleared } = unwrap(record);
    if (cleared > 0) ctx.emit({ kind: 'tombstone', until: cleared });
    return unwrap(record);
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
    async markDeleting(ctx, digest, clearedForMs) {
      parseDigest(digest);
      await asCacheFault('markDeleting', () =>
        records.writeTombstone(ctx, digest, aheadOf(ctx.now(), clearedForMs).until),
      );
    },
    async clear(ctx, digest, clearedForMs) {
      parseDigest(digest);
      await asCacheFault('clear', () => clearAll(ctx, records, [digest], aheadOf(ctx.now(), clearedForMs)));
    },
  };
}

function createRepositoryService(records: RepositoryRecords): RepositoryDescriptors {
  async function clearPresent(ctx: RequestContext, digests: readonly Digest[], clearing: Clearing) {
    const cleared = new Set<Digest>();
    await inTurn(batchesOf(digests, records.batch), async (some) => {
      for (const digest of await clearPresentRecords(ctx, records, some, clearing)) cleared.add(digest);
    });
    return cleared;
  }
  return {
    ...createService(records),
    batch: records.batch,
    async evict(ctx, digests, sentAtMs, isReplaced) {
      const asked = [...digests].map(parseDigest);
      return asCacheFault('evict', () => clearPresent(ctx, asked, upTo(sentAtMs, isReplaced)));
    },
    async markEvicted(ctx, digests, sentAtMs) {
      const asked = [...digests].map(parseDigest);
      await asCacheFault('markEvicted', () =>
        inTurn(asked, (digest) => records.writeTombstone(ctx, digest, upTo(sentAtMs).until)),
      );
    },
    async clearEach(ctx, digests, clearedForMs) {
      const asked = [...digests].map(parseDigest);
      const clearing = aheadOf(ctx.now(), clearedForMs);
      await asCacheFault('clearEach', () =>
        inTurn(batchesOf(asked, records.batch), (some) => clearAll(ctx, records, some, clearing)),
      );
    },
    async clearPresent(ctx, digests) {
      const asked = [...digests].map(parseDigest);
      return asCacheFault('clearPresent', () => clearPresent(ctx, asked, aheadOf(ctx.now())));
    },
    purge: (ctx, cursor, most = Number.POSITIVE_INFINITY) =>
      asCacheFault('purge', async () => {
        const clearing = aheadOf(ctx.now());
        if ('clearAll' in records) {
          const { counted, isMore } = await records.clearAll(ctx, clearing, most);
          return { removed: new Set(counted), cursor: isMore ? MORE : undefined };
        }
        const page = await records.list(ctx, cursor);
        return { removed: await clearPresent(ctx, page.digests, clearing), cursor: page.cursor };
      }),
  };
}
