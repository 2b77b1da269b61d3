import { batchesOf, eachInTurn } from '../async.ts';
import type { RequestContext } from '../context.ts';
import { checkEntry, type Entry } from '../oci/descriptor.ts';
import { type Digest, parseDigest } from '../oci/digest.ts';
import { parseRepositoryName } from '../oci/name.ts';
import type { DescriptorRecords, RepositoryRecords } from '../stores/descriptorRecords.ts';
import { asCacheFault, unwrap } from '../stores/faults.ts';
import type { Stored } from '../stores/records.ts';
import type { Peek, Store } from '../stores/store.ts';
import { type Clearing, clearingAhead, clearingUpTo, isAlive } from '../stores/tombstone.ts';
import { clearPresentRecords, clearWithCanonical, readRecords } from './clearRecords.ts';
import { judge, observeStat } from './judge.ts';
import type {
  BlobDescriptorCacheProvider,
  BlobDescriptorService,
  FoundEntry,
  RepositoryDescriptors,
} from './provider.ts';
import { statEach } from './statEach.ts';

/** The cursor for a store that clears without listing, and so needs no position. */
const MORE = 'more';

/** Judges the descriptors of a store. */
export function createProvider(backing: Store): BlobDescriptorCacheProvider {
  const { name: store, isAtomic, descriptors, globals, peek } = backing;
  return {
    isAtomic,
    repositoryScoped: (name, links) => createRepositoryService(store, descriptors(parseRepositoryName(name), links)),
    unscoped: globals && ((links) => createService(store, globals(links))),
    peek: peek && observedPeek(store, peek.descriptor),
  };
}

function observedPeek(store: string, peek: Peek['descriptor']): Peek['descriptor'] {
  return (ctx, name, links, digest) => {
    const entry = peek(ctx, name, links, digest);
    if (entry) ctx.emit({ kind: 'stat', store, outcome: 'hit', ms: 0 });
    return entry;
  };
}

/**
 * Implements the verbs over records. Others write to the stores too, so entries are validated on the way in *and* on
 * the way out. An entry counts only if it was confirmed after its tombstone, and an alias only while its canonical
 * entry does.
 */
function createService(store: string, records: DescriptorRecords): BlobDescriptorService {
  async function read(ctx: RequestContext, digest: Digest): Promise<Stored<Entry>> {
    const [record] = await readRecords(ctx, records, [digest]);
    if (!record) throw new TypeError('the store returned no record');
    return unwrap(record);
  }

  return {
    async stat(ctx, digest) {
      parseDigest(digest);
      return observeStat(ctx, store, async () => {
        const stored = await read(ctx, digest);
        const entry = judge(ctx, stored);
        if (stored.isHalfCleared) ctx.emit({ kind: 'half-cleared' });
        if (!entry || entry.descriptor.digest === digest) return entry;
        const canonical = await read(ctx, entry.descriptor.digest);
        judge(ctx, canonical);
        return canonical.value && isAlive(entry.verifiedAt, canonical.clearedUntil) ? entry : undefined;
      });
    },
    async setDescriptor(ctx, digest, entry, lookedAt) {
      checkEntry(parseDigest(digest), entry);
      return asCacheFault('setDescriptor', () => {
        return records.write(ctx, new Set([digest, entry.descriptor.digest]), entry, lookedAt);
      });
    },
    async markDeleting(ctx, digest, clearedForMs) {
      parseDigest(digest);
      await asCacheFault('markDeleting', () =>
        records.writeTombstone(ctx, digest, clearingAhead(ctx.now(), clearedForMs)),
      );
    },
    async clear(ctx, digest, clearedForMs) {
      parseDigest(digest);
      await asCacheFault('clear', () =>
        clearWithCanonical(ctx, records, [digest], clearingAhead(ctx.now(), clearedForMs)),
      );
    },
  };
}

function createRepositoryService(store: string, records: RepositoryRecords): RepositoryDescriptors {
  async function clearPresent(ctx: RequestContext, digests: readonly Digest[], clearing: Clearing) {
    const cleared = new Set<Digest>();
    await eachInTurn(batchesOf(digests, records.batch), async (batch) => {
      const present = records.clearPresent
        ? await records.clearPresent(ctx, batch, clearing)
        : await clearPresentRecords(ctx, records, batch, clearing);
      for (const digest of present) cleared.add(digest);
      // A clear that reaches ahead would hide what is confirmed next.
      if (clearing.sparesLater) records.hide?.(batch, clearing);
    });
    return cleared;
  }
  return {
    ...createService(store, records),
    batch: records.batch,
    async statEach(ctx, digests) {
      const list = [...digests].map(parseDigest);
      const isAllFound = (found: ReadonlyMap<Digest, FoundEntry>) => list.every((digest) => found.get(digest)?.entry);
      return observeStat(ctx, store, () => statEach(ctx, records, list), isAllFound);
    },
    async evict(ctx, digests, sentAtMs, isReplaced) {
      const list = [...digests].map(parseDigest);
      return asCacheFault('evict', () => clearPresent(ctx, list, clearingUpTo(sentAtMs, isReplaced)));
    },
    async markEvicted(ctx, digests, sentAtMs) {
      const list = [...digests].map(parseDigest);
      await asCacheFault('markEvicted', () =>
        eachInTurn(list, (digest) => records.writeTombstone(ctx, digest, clearingUpTo(sentAtMs))),
      );
    },
    async clearEach(ctx, digests, clearedForMs) {
      const list = [...digests].map(parseDigest);
      const clearing = clearingAhead(ctx.now(), clearedForMs);
      await asCacheFault('clearEach', () =>
        eachInTurn(batchesOf(list, records.batch), (batch) => clearWithCanonical(ctx, records, batch, clearing)),
      );
    },
    async clearPresent(ctx, digests) {
      const list = [...digests].map(parseDigest);
      return asCacheFault('clearPresent', () => clearPresent(ctx, list, clearingAhead(ctx.now())));
    },
    list: (ctx, given) =>
      asCacheFault('list', async () => {
        const { digests, cursor } = await records.list(ctx, given);
        return { found: await statEach(ctx, records, digests), cursor };
      }),
    purge: (ctx, cursor, most = Number.POSITIVE_INFINITY) =>
      asCacheFault('purge', async () => {
        const clearing = clearingAhead(ctx.now());
        if (records.clearAll) {
          const { counted, isMore } = await records.clearAll(ctx, clearing, most);
          return { removed: new Set(counted), cursor: isMore ? MORE : undefined };
        }
        const page = await records.list(ctx, cursor);
        return { removed: await clearPresent(ctx, page.digests, clearing), cursor: page.cursor };
      }),
  };
}
