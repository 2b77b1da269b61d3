import { batchesOf, inTurn } from '../async.ts';
import type { RequestContext } from '../context.ts';
import { checkEntry } from '../oci/descriptor.ts';
import { type Digest, parseDigest } from '../oci/digest.ts';
import { parseRepositoryName } from '../oci/name.ts';
import type {
  BlobDescriptorCacheProvider,
  BlobDescriptorService,
  RepositoryDescriptors,
} from '../stores/descriptors.ts';
import { asCacheFault, unwrap } from '../stores/faults.ts';
import type { DescriptorRecords, Records, RepositoryRecords, StoredRecord } from '../stores/records.ts';
import { aheadOf, type Clearing, isAlive, upTo } from '../stores/tombstone.ts';
import { clearAll, clearPresentRecords, readChecked } from './clearRecords.ts';

/** The cursor of a store that knows itself what is left. */
const MORE = 'more';

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
