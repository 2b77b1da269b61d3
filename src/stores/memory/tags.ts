import type { RequestContext } from '../../context.ts';
import type { Memory } from '../../isolate/memory.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { Tag, TagKey, TagPointer, TagRecords } from '../tagRecords.ts';
import { type Clearing, clearingAhead, isAlive } from '../tombstone.ts';
import { createTombstones } from './tombstones.ts';

/** The pointers of a tag by variant: all in one slot, so that a drop is one step. */
type Pointers = ReadonlyMap<string, TagPointer>;

/** How many variants of a tag are kept: those that were set last. */
const MAX_VARIANTS = 16;
/** The approximate size of a digest and a time, without the variant. */
const POINTER_BYTES = 300;

/** Keeps tags in this isolate's memory. @param lifeMs how long a pointer is kept after it was written */
export function createInMemoryTags(memory: Memory, lifeMs: number): TagRecords {
  const pointersByTag = memory.part<Pointers>('tag');
  const notes = memory.part<TagPointer>('led');
  const tombstones = createTombstones();
  const slotOf = ({ name, tag }: Tag) => `${name} ${tag}`;
  const slotsOf = (name: RepositoryName) => `${name} `;
  const clearedUntil = (tag: Tag) => Math.max(tombstones.until(slotOf(tag)), tombstones.until(slotsOf(tag.name)));

  function write(ctx: RequestContext, key: TagKey, pointer: TagPointer): void {
    const slot = slotOf(key);
    const pointers: Pointers = pointersByTag.get(slot, ctx.now()) ?? new Map();
    // If two answers overtake each other, the one that was confirmed later stays.
    if ((pointers.get(key.variant)?.verifiedAt ?? 0) > pointer.verifiedAt) return;
    if (!isAlive(pointer.verifiedAt, clearedUntil(key))) return;
    const others = [...pointers].filter(([other]) => other !== key.variant).slice(1 - MAX_VARIANTS);
    const all = new Map([...others, [key.variant, pointer]]);
    const bytes = [...all.keys()].reduce((sum, { length }) => sum + 2 * length + POINTER_BYTES, 0);
    pointersByTag.set(slot, all, ctx.now() + lifeMs, bytes);
  }

  return {
    async read(ctx, keys) {
      return keys.map((key) => ({
        value: pointersByTag.get(slotOf(key), ctx.now())?.get(key.variant),
        clearedUntil: clearedUntil(key),
      }));
    },
    async write(ctx, keys, pointer) {
      for (const key of keys) write(ctx, key, pointer);
    },
    async clear(ctx, tags, { until, sparesLater }) {
      const digests = new Set<Digest>();
      for (const slot of tags.map(slotOf)) {
        tombstones.extend(slot, until);
        // The pointers that were confirmed later still count. The others no longer do, and expire with the slot.
        if (sparesLater) continue;
        const note = notes.get(slot, ctx.now());
        for (const { digest } of pointersByTag.get(slot, ctx.now())?.values() ?? []) digests.add(digest);
        if (note) digests.add(note.digest);
        pointersByTag.delete(slot);
        notes.delete(slot);
      }
      return digests;
    },
    async note(ctx, tag, pointer, isMoved) {
      const slot = slotOf(tag);
      if (!isMoved && !isAlive(pointer.verifiedAt, clearedUntil(tag))) return false;
      const note = notes.get(slot, ctx.now());
      if ((note?.verifiedAt ?? 0) > pointer.verifiedAt) return note?.digest === pointer.digest;
      notes.set(slot, pointer, ctx.now() + lifeMs, POINTER_BYTES);
      return true;
    },
    async clearPage(ctx, names) {
      return { removed: names.reduce((sum, name) => sum + clearRepository(ctx, name, clearingAhead(ctx.now())), 0) };
    },
  };

  /** @returns how many tags had a pointer that counted */
  function clearRepository(ctx: RequestContext, name: RepositoryName, { until }: Clearing): number {
    const prefix = slotsOf(name);
    let removed = 0;
    for (const slot of pointersByTag.keys(prefix)) {
      const cleared = clearedUntil({ name, tag: slot.slice(prefix.length) });
      const pointers = [...(pointersByTag.get(slot, ctx.now())?.values() ?? [])];
      if (pointers.some(({ verifiedAt }) => isAlive(verifiedAt, cleared))) removed += 1;
      pointersByTag.delete(slot);
    }
    for (const slot of notes.keys(prefix)) notes.delete(slot);
    tombstones.extend(prefix, until);
    return removed;
  }
}
