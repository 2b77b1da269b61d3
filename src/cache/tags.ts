import type { RequestContext } from '../context.ts';
import { checkEntry, type Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import { asCacheFault, BadRecord, tryParse, unwrap } from '../stores/faults.ts';
import type { PurgedTags, Tag, TagKey, TagPointer, TagRecords, TagTarget } from '../stores/tagRecords.ts';
import { clearingAhead, clearingUpTo } from '../stores/tombstone.ts';
import type { ReadEntry } from './item.ts';
import { judge, observeStat } from './judge.ts';

export interface FoundTag extends TagPointer {
  /** The manifest's entry, if the store could read it in the same request; without an entry if it does not count. */
  readonly manifest?: ReadEntry | undefined;
}

/** The manifests that tags point to. Pointers are stored for a short time, since tags move. */
export interface Tags {
  /** Returns the pointer of a tag, if the store holds one that counts. @throws CacheFault */
  get(ctx: RequestContext, key: TagKey): Promise<FoundTag | undefined>;
  /**
   * Stores a pointer. One that was confirmed before the tag was dropped does not count.
   * @param lookedAt as for `setDescriptor`
   * @throws CacheFault
   */
  set(ctx: RequestContext, key: TagKey, pointer: TagPointer, lookedAt?: number): Promise<void>;
  /**
   * Forgets the pointers of tags, in all variants, and their notes; leaves tombstones.
   * @param clearedForMs how far into the future the tombstones reach, in ms: no pointer confirmed until then counts. At
   *   least `CLOCK_SKEW_MS`, which is also the default. An existing tombstone that reaches farther stays.
   * @returns the digests that the store held for the tags, including those that no longer counted
   * @throws CacheFault
   */
  drop(
    ctx: RequestContext,
    name: RepositoryName,
    tags: readonly string[],
    clearedForMs?: number,
  ): Promise<ReadonlySet<Digest>>;
  /**
   * Notes the manifest of a tag that only callers who may push have requested. A note answers nobody: it is there for
   * the next drop, since some registries delete a manifest when its tag moves (zot).
   * @param isMoved whether a push has just moved the tag there, so that its tombstone does not count
   * @returns whether the pointer is current: false if the tag was dropped since, or points elsewhere
   * @throws CacheFault
   */
  note(ctx: RequestContext, tag: Tag, pointer: TagPointer, isMoved?: boolean): Promise<boolean>;
  /**
   * Forgets a tag that the origin answered with "not found": the pointers that were confirmed before that request was
   * sent, and none that were confirmed later.
   * @param sentAtMs when the request that the origin denied was sent (epoch ms)
   * @throws CacheFault
   */
  evict(ctx: RequestContext, name: RepositoryName, tag: string, sentAtMs: number): Promise<void>;
  /**
   * Drops one page of the tags of repositories.
   * @param cursor the cursor that the previous page returned; without it, the first page
   * @throws CacheFault
   */
  purge(ctx: RequestContext, names: readonly RepositoryName[], cursor?: string): Promise<PurgedTags>;
}

/** Judges the tags of a store. @param store as `Cache-Status` names it */
export function createTags(store: string, records: TagRecords): Tags {
  return {
    get: (ctx, key) =>
      observeStat(ctx, store, async () => {
        const [stored] = await records.read(ctx, [key]);
        if (!stored) throw new TypeError('the store returned no record');
        const target = judge(ctx, unwrap(stored));
        return target && { ...target, manifest: readManifest(ctx, target) };
      }),
    set: (ctx, key, pointer, lookedAt) =>
      asCacheFault('set', async () => void (await records.write(ctx, new Set([key]), pointer, lookedAt))),
    drop: (ctx, name, tags, clearedForMs) =>
      asCacheFault('drop', () => {
        const all = tags.map((tag) => ({ name, tag }));
        return records.clear(ctx, all, clearingAhead(ctx.now(), clearedForMs));
      }),
    note: (ctx, tag, pointer, isMoved = false) => asCacheFault('note', () => records.note(ctx, tag, pointer, isMoved)),
    evict: (ctx, name, tag, sentAtMs) =>
      asCacheFault('evict', async () => void (await records.clear(ctx, [{ name, tag }], clearingUpTo(sentAtMs)))),
    purge: (ctx, names, cursor) => asCacheFault('purge', () => records.clearPage(ctx, names, cursor)),
  };
}

/** Judges the manifest that a store returned with a tag. An alias is left to `stat`, and so is what is malformed. */
function readManifest(ctx: RequestContext, { digest, manifest }: TagTarget): ReadEntry | undefined {
  const { value } = manifest ?? {};
  if (!manifest || (value && (value.descriptor.digest !== digest || isMalformed(digest, value)))) return undefined;
  return { entry: judge(ctx, manifest) };
}

function isMalformed(digest: Digest, entry: Entry): boolean {
  return tryParse(() => checkEntry(digest, entry)) instanceof BadRecord;
}
