import type { Memory } from '../memory.ts';
import type { TagOptions, TagPointer, Tags } from './tags.ts';
import { CLOCK_SKEW_MS, isAlive } from './tombstone.ts';

/** All that is known of a tag: one slot, so that it can be dropped at once. */
interface Known {
  readonly cleared: number;
  readonly pointers: ReadonlyMap<string, TagPointer>;
}

/** Callers whose `Accept` differs more than this take turns. */
const MAX_VARIETIES = 16;
/** A digest and a time, beside the variety. */
const POINTER_BYTES = 300;

/** Tags in this isolate's memory. */
export function createInMemoryTags(memory: Memory, { ttlMs, maxReachMs = CLOCK_SKEW_MS }: TagOptions): Tags {
  const known = memory.part<Known>('tag');
  const slotOf = (name: string, tag: string) => `${name} ${tag}`;
  return {
    async get(ctx, { name, tag, variety }) {
      const { cleared = 0, pointers } = known.get(slotOf(name, tag), ctx.now()) ?? {};
      const pointer = pointers?.get(variety);
      const isKnown = pointer !== undefined && isAlive(pointer.verifiedAt, cleared);
      if (cleared > 0) ctx.emit({ kind: 'tombstone', until: cleared });
      ctx.emit({ kind: 'stat', store: 'memory', outcome: isKnown ? 'hit' : 'miss', ms: 0 });
      return isKnown ? pointer : undefined;
    },
    async set(ctx, { name, tag, variety }, pointer) {
      const slot = slotOf(name, tag);
      const { cleared = 0, pointers = new Map() } = known.get(slot, ctx.now()) ?? {};
      // Of two answers that cross, the later one stands.
      if ((pointers.get(variety)?.verifiedAt ?? 0) > pointer.verifiedAt) return;
      const others = [...pointers].filter(([other]) => other !== variety).slice(1 - MAX_VARIETIES);
      const all = new Map([...others, [variety, pointer]]);
      const bytes = [...all.keys()].reduce((sum, { length }) => sum + 2 * length + POINTER_BYTES, 0);
      known.set(slot, { cleared, pointers: all }, ctx.now() + ttlMs + maxReachMs, bytes);
    },
    async drop(ctx, name, tags, reachMs = 0) {
      const cleared = ctx.now() + Math.max(reachMs, CLOCK_SKEW_MS);
      for (const tag of tags) {
        known.set(slotOf(name, tag), { cleared, pointers: new Map() }, cleared + ttlMs, POINTER_BYTES);
      }
    },
    async list(ctx, name) {
      const slots = known.keys(slotOf(name, ''));
      const led = slots.filter((slot) => (known.get(slot, ctx.now())?.pointers.size ?? 0) > 0);
      return { tags: led.map((slot) => slot.slice(slotOf(name, '').length)) };
    },
  };
}
