import type { RequestContext } from '../../context.ts';
import type { Memory } from '../../isolate/memory.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { TagOptions, TagPointer, Tags } from '../tags.ts';
import { CLOCK_SKEW_MS, clearingAhead, isAlive } from '../tombstone.ts';
import { createTombstones } from './tombstones.ts';

/** The pointers of a tag by variant: all in one slot, so that a drop is one step. */
type Pointers = ReadonlyMap<string, TagPointer>;

/** How many variants of a tag are kept: those that were set last. */
const MAX_VARIANTS = 16;
/** The approximate size of a digest and a time, without the variant. */
const POINTER_BYTES = 300;

/** Keeps tags in this isolate's memory. */
export function createInMemoryTags(memory: Memory, { ttlMs, maxClearedForMs = CLOCK_SKEW_MS }: TagOptions): Tags {
  const pointersByTag = memory.part<Pointers>('tag');
  const notes = memory.part<TagPointer>('led');
  const tombstones = createTombstones();
  const slotOf = (name: string, tag: string) => `${name} ${tag}`;
  /** The tombstone of a tag, or with an empty `tag` that of the whole repository. */
  const clearedUntil = (name: string, tag: string) =>
    Math.max(tombstones.until(slotOf(name, tag)), tombstones.until(slotOf(name, '')));

  return {
    async get(ctx, { name, tag, variant }) {
      const pointer = pointersByTag.get(slotOf(name, tag), ctx.now())?.get(variant);
      const until = clearedUntil(name, tag);
      const isHit = pointer !== undefined && isAlive(pointer.verifiedAt, until);
      if (until > 0) ctx.emit({ kind: 'tombstone', until });
      ctx.emit({ kind: 'stat', store: 'memory', outcome: isHit ? 'hit' : 'miss', ms: 0 });
      return isHit ? pointer : undefined;
    },
    async set(ctx, { name, tag, variant }, pointer) {
      const slot = slotOf(name, tag);
      const pointers: Pointers = pointersByTag.get(slot, ctx.now()) ?? new Map();
      // If two answers overtake each other, the one that was confirmed later stays.
      if ((pointers.get(variant)?.verifiedAt ?? 0) > pointer.verifiedAt) return;
      if (!isAlive(pointer.verifiedAt, clearedUntil(name, tag))) return;
      const others = [...pointers].filter(([other]) => other !== variant).slice(1 - MAX_VARIANTS);
      const all = new Map([...others, [variant, pointer]]);
      const bytes = [...all.keys()].reduce((sum, { length }) => sum + 2 * length + POINTER_BYTES, 0);
      pointersByTag.set(slot, all, ctx.now() + ttlMs + maxClearedForMs, bytes);
    },
    async drop(ctx, name, tags, clearedForMs) {
      const digests = new Set<Digest>();
      for (const slot of tags.map((tag) => slotOf(name, tag))) {
        const note = notes.get(slot, ctx.now());
        for (const { digest } of pointersByTag.get(slot, ctx.now())?.values() ?? []) digests.add(digest);
        if (note) digests.add(note.digest);
        tombstones.extend(slot, clearingAhead(ctx.now(), clearedForMs).until);
        pointersByTag.delete(slot);
        notes.delete(slot);
      }
      return digests;
    },
    async note(ctx, { name, tag }, pointer, isMoved = false) {
      const slot = slotOf(name, tag);
      if (!isMoved && !isAlive(pointer.verifiedAt, clearedUntil(name, tag))) return false;
      const note = notes.get(slot, ctx.now());
      if ((note?.verifiedAt ?? 0) > pointer.verifiedAt) return note?.digest === pointer.digest;
      notes.set(slot, pointer, ctx.now() + ttlMs + maxClearedForMs, POINTER_BYTES);
      return true;
    },
    async evict(_ctx, name, tag, sentAtMs) {
      // Pointers that were confirmed later still count. The others no longer do, and expire with the slot.
      tombstones.extend(slotOf(name, tag), sentAtMs);
    },
    async purge(ctx, names) {
      return { removed: names.reduce((sum, name) => sum + purgeRepository(ctx, name), 0) };
    },
  };

  /** @returns how many tags had a pointer that counted */
  function purgeRepository(ctx: RequestContext, name: RepositoryName): number {
    const prefix = slotOf(name, '');
    let removed = 0;
    for (const slot of pointersByTag.keys(prefix)) {
      const until = clearedUntil(name, slot.slice(prefix.length));
      const pointers = [...(pointersByTag.get(slot, ctx.now())?.values() ?? [])];
      if (pointers.some(({ verifiedAt }) => isAlive(verifiedAt, until))) removed += 1;
      pointersByTag.delete(slot);
    }
    for (const slot of notes.keys(prefix)) notes.delete(slot);
    tombstones.extend(prefix, clearingAhead(ctx.now()).until);
    return removed;
  }
}
