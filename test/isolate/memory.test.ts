import { describe, expect, it } from 'vitest';
import { createMemory, type MemoryPart } from '../../src/isolate/memory.ts';

const FOREVER = Number.MAX_SAFE_INTEGER;

describe('createMemory', () => {
  it('keeps the keys of its parts apart', () => {
    const memory = createMemory({ entries: 10, bytes: 10_000 });
    const [one, two] = [memory.part<{ n: number }>('one'), memory.part<{ n: number }>('two')];
    one.set('key', { n: 1 }, FOREVER, 1);
    expect(two.get('key', 0)).toBeUndefined();
    expect(one.get('key', 0)).toEqual({ n: 1 });
    one.delete('key');
    expect(one.get('key', 0)).toBeUndefined();
  });

  it('forgets a value when it expires', () => {
    const part = createMemory({ entries: 10, bytes: 10_000 }).part<{ n: number }>('p');
    part.set('key', { n: 1 }, 1_000, 1);
    expect(part.get('key', 999)).toBeDefined();
    expect(part.get('key', 1_000)).toBeUndefined();
  });

  it('bounds the entries of all parts together, and evicts the least recently used', () => {
    const memory = createMemory({ entries: 3, bytes: 100_000 });
    const [one, two] = [memory.part<{ n: number }>('one'), memory.part<{ n: number }>('two')];
    one.set('a', { n: 1 }, FOREVER, 1);
    one.set('b', { n: 2 }, FOREVER, 1);
    one.get('a', 0);
    two.set('c', { n: 3 }, FOREVER, 1);
    two.set('d', { n: 4 }, FOREVER, 1);
    expect([one.get('a', 0)?.n, one.get('b', 0)?.n, two.get('c', 0)?.n, two.get('d', 0)?.n]).toEqual([
      1,
      undefined,
      3,
      4,
    ]);
  });

  it('bounds the bytes, and does not store a value that exceeds them alone', () => {
    const part = createMemory({ entries: 1_000, bytes: 10_000 }).part<{ n: number }>('p');
    for (let n = 0; n < 20; n++) part.set(`key${n}`, { n }, FOREVER, 1_000);
    const values = Array.from({ length: 20 }, (_, n) => part.get(`key${n}`, 0)).filter((value) => value !== undefined);
    expect(values.length).toBeGreaterThan(3);
    expect(values.length).toBeLessThan(10);
    part.set('huge', { n: 0 }, FOREVER, 20_000);
    expect(part.get('huge', 0)).toBeUndefined();
  });

  it.each<[what: string, forget: (part: MemoryPart<{ n: number }>) => void]>([
    ['overwritten', () => undefined],
    ['deleted', (part) => part.delete('other')],
    ['expired', (part) => void part.get('other', 1_000)],
  ])('gives the bytes back of a value that is %s', (_what, forget) => {
    const part = createMemory({ entries: 16, bytes: 10_000 }).part<{ n: number }>('p');
    part.set('kept', { n: 1 }, FOREVER, 3_000);
    for (let n = 0; n < 20; n++) {
      part.set('other', { n }, 1_000, 3_000);
      forget(part);
    }
    expect(part.get('kept', 0)).toEqual({ n: 1 });
  });

  it('gives the bytes back of a value that is evicted because there are too many', () => {
    const part = createMemory({ entries: 3, bytes: 10_000 }).part<{ n: number }>('p');
    for (let n = 0; n < 20; n++) part.set(`key${n}`, { n }, FOREVER, 2_000);
    expect(part.keys('')).toEqual(['key17', 'key18', 'key19']);
  });

  it.each([4_000, 5_000, 9_000, 10_000])(
    'keeps a value that was just read when another of %i of 10,000 bytes is stored',
    (bytes) => {
      const part = createMemory({ entries: 16, bytes: 10_000 }).part<{ n: number }>('p');
      part.set('grant', { n: 1 }, FOREVER, 3_000);
      for (let n = 0; n < 20; n++) {
        expect(part.get('grant', 0)).toEqual({ n: 1 });
        part.set(`key${n}`, { n }, FOREVER, bytes);
      }
      expect(part.get('key19', 0) !== undefined).toBe(bytes === 4_000);
    },
  );
});
