import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemory } from '../../src/isolate/memory.ts';

const BOUNDS = { entries: 5, bytes: 4_000 };
const PART = 'p';
/** As `createMemory` weighs: a slot, and two bytes for each character of its key. */
const weightOf = (key: string, bytes: number) => 200 + 2 * (`${PART} `.length + key.length) + bytes;

const action = fc.record({
  verb: fc.constantFrom('set', 'set', 'set', 'get', 'delete'),
  key: fc.constantFrom('a', 'bb', 'ccc', '__proto__', 'constructor', '7', 'e', 'f', 'g'),
  bytes: fc.constantFrom(0, 100, 500, 900, 1_500, 1_790, 1_791, 1_800, 5_000),
  livesMs: fc.constantFrom(1, 5, 1_000),
});

it('holds exactly what a list of the most recently used values within the bounds holds', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const part = createMemory(BOUNDS).part<{ n: number }>(PART);
      /** The least recently used one is first. */
      let model: { key: string; n: number; expiresAt: number; weight: number }[] = [];
      const total = () => model.reduce((sum, { weight }) => sum + weight, 0);
      for (const [now, { verb, key, bytes, livesMs }] of actions.entries()) {
        const found = model.find((slot) => slot.key === key);
        const others = model.filter((slot) => slot.key !== key);
        if (verb === 'get') {
          const live = found && found.expiresAt > now ? found : undefined;
          expect(part.get(key, now)?.n).toBe(live?.n);
          model = live ? [...others, live] : others;
        } else if (verb === 'delete') {
          part.delete(key);
          model = others;
        } else {
          part.set(key, { n: now }, now + livesMs, bytes);
          const weight = weightOf(key, bytes);
          model = weight > BOUNDS.bytes / 2 ? others : [...others, { key, n: now, expiresAt: now + livesMs, weight }];
          while (model.length > BOUNDS.entries || total() > BOUNDS.bytes) model.shift();
        }
        expect(part.keys('').sort()).toEqual(model.map((slot) => slot.key).sort());
      }
    }),
    { seed: 14, numRuns: 300 },
  );
});
