import type { RequestContext } from '../../context.ts';
import type { Memory } from '../../isolate/memory.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { TagOptions, TagPointer, Tags } from '../tags.ts';
import { aheadOf, CLOCK_SKEW_MS, isAlive } from '../tombstone.ts';
import { createTombstones } from './tombstones.ts';

/** Where a tag leads: one slot, so that it can be dropped at once. */
type Known = ReadonlyMap<string, TagPointer>;

/** Callers whose `Accept` differs more than this take turns. */
const MAX_VARIANTS = 16;
/** A digest and a time, beside the variant. */
const POINTER_BYTES = 300;

/** Tags in this isolate's memory. */
export function createInMemoryTags(memory: Memory, { ttlMs, maxClearedForMs = CLOCK_SKEW_MS }: TagOptions): Tags {
  const known = memory.part<Known>('tag');
  const noted = memory.part<TagPointer>('led');
  const tombstones = createTombstones();
  const slotOf = (name: string, tag: string) => `${name} ${tag}`;
  /** Without a tag: all of a repository. */
  const clearedUntil = (name: string, tag: string) =>
    Math.max(tombstones.until(slotOf(name, tag)), tombstones.until(slotOf(name, '')));

  return {
    async get(ctx, { name, tag, variant }) {
      const pointer = known.get(slotOf(name, tag), ctx.now())?.get(variant);
      const until = clearedUntil(name, tag);
      const isKnown = pointer !== undefined && isAlive(pointer.verifiedAt, until);
      if (until > 0) ctx.emit({ kind: 'tombstone', until });
      ctx.emit({ kind: 'stat', store: 'memory', outcome: isKnown ? 'hit' : 'miss', ms: 0 });
      return isKnown ? pointer : undefined;
    },
    async set(ctx, { name, tag, variant }, pointer) {
      const slot = slotOf(name, tag);
      const pointers: Known = known.get(slot, ctx.now()) ?? new Map();
      // Of two answers that cross, the later one stands.
      if ((pointers.get(variant)?.verifiedAt ?? 0) > pointer.verifiedAt) return;
      if (!isAlive(pointer.verifiedAt, clearedUntil(name, tag))) return;
      const others = [...pointers].filter(([other]) => other !== variant).slice(1 - MAX_VARIANTS);
      const all = new Map([...others, [variant, pointer]]);
      const bytes = [...all.keys()].reduce((sum, { length }) => sum + 2 * length + POINTER_BYTES, 0);
      known.set(slot, all, ctx.now() + ttlMs + maxClearedForMs, bytes);
    },
    async drop(ctx, name, tags, clearedForMs) {
      const led = new Set<Digest>();
      for (const slot of tags.map((tag) => slotOf(name, tag))) {
        const last = noted.get(slot, ctx.now());
        for (const { digest } of [...(known.get(slot, ctx.now())?.values() ?? []), ...(last ? [last] : [])])
          led.add(digest);
        tombstones.extend(slot, aheadOf(ctx.now(), clearedForMs).until);
        known.delete(slot);
        noted.delete(slot);
      }
      return led;
    },
    async note(ctx, { name, tag }, pointer, isMoved = false) {
      const slot = slotOf(name, tag);
      if (!isMoved && !isAlive(pointer.verifiedAt, clearedUntil(name, tag))) return false;
      const last = noted.get(slot, ctx.now());
      if ((last?.verifiedAt ?? 0) > pointer.verifiedAt) return last?.digest === pointer.digest;
      noted.set(slot, pointer, ctx.now() + ttlMs + maxClearedForMs, POINTER_BYTES);
      return true;
    },
    async evict(_ctx, name, tag, sentAtMs) {
      // What was confirmed later stands on; what was not counts no more, and ends with the slot.
      tombstones.extend(slotOf(name, tag), sentAtMs);
    },
    async purge(ctx, names) {
      return { removed: names.reduce((sum, name) => sum + purgeOne(ctx, name), 0) };
    },
  };

  /** @returns how many tags led somewhere */
  function purgeOne(ctx: RequestContext, name: RepositoryName): number {
    const prefix = slotOf(name, '');
    let removed = 0;
    for (const slot of known.keys(prefix)) {
      const until = clearedUntil(name, slot.slice(prefix.length));
      const pointers = [...(known.get(slot, ctx.now())?.values() ?? [])];
      if (pointers.some(({ verifiedAt }) => isAlive(verifiedAt, until))) removed += 1;
      known.delete(slot);
    }
    for (const slot of noted.keys(prefix)) noted.delete(slot);
    tombstones.extend(prefix, aheadOf(ctx.now()).until);
    return removed;
  }
}
