import { describe, expect, it } from 'vitest';
import { createLists } from '../../src/isolate/lists.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { contextOf, createClock } from '../support/context.ts';

const TTL_MS = 30_000;
const LIST = { body: new Uint8Array([1]), headers: {} };

function setup() {
  const clock = createClock();
  const lists = createLists(createMemory({ entries: 100, bytes: 100_000 }), TTL_MS);
  return { clock, ctx: contextOf(clock), lists };
}

describe('createLists: drop', () => {
  it('forgets all lists of that repository only', () => {
    const { clock, ctx, lists } = setup();
    for (const [name, key] of [
      ['a', 'tags'],
      ['a', 'referrers'],
      ['a/b', 'tags'],
      ['', 'catalog'],
    ] as const) {
      lists.inRepository(ctx, name).set(`${name} ${key}`, LIST, clock.now());
    }
    lists.drop('a');
    expect(lists.inRepository(ctx, 'a').get('a tags')).toBeUndefined();
    expect(lists.inRepository(ctx, 'a').get('a referrers')).toBeUndefined();
    expect(lists.inRepository(ctx, 'a/b').get('a/b tags')).toMatchObject(LIST);
    expect(lists.inRepository(ctx, '').get(' catalog')).toMatchObject(LIST);
  });

  it('is not undone by a list that was requested before it', () => {
    const { clock, ctx, lists } = setup();
    const before = lists.inRepository(ctx, 'a');
    lists.drop('a');
    before.set('tags', LIST, clock.now());
    expect(lists.inRepository(ctx, 'a').get('tags')).toBeUndefined();
  });

  it('does not affect lists that are requested after it, which live for LIST_TTL', () => {
    const { clock, ctx, lists } = setup();
    lists.drop('a');
    lists.inRepository(ctx, 'a').set('tags', LIST, clock.now());
    clock.advance(TTL_MS - 1);
    expect(lists.inRepository(ctx, 'a').get('tags')).toMatchObject(LIST);
    clock.advance(1);
    expect(lists.inRepository(ctx, 'a').get('tags')).toBeUndefined();
  });
});
