import { describe, expect, it } from 'vitest';
import { createRecentNotes } from '../../src/stores/recentNotes.ts';
import { contextOf, createClock } from '../support/context.ts';
import { uniqueDigest } from '../support/digests.ts';

describe('createRecentNotes', () => {
  it('has a note of the same digest for a minute, or until it is removed', () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const notes = createRecentNotes();
    const [digest, other] = [uniqueDigest(), uniqueDigest()];
    for (const key of ['a', 'b']) notes.add(ctx, key, digest);
    expect([notes.has(ctx, 'a', digest), notes.has(ctx, 'a', other), notes.has(ctx, 'c', digest)]).toEqual([
      true,
      false,
      false,
    ]);
    notes.remove(['a']);
    clock.advance(59_999);
    expect([notes.has(ctx, 'a', digest), notes.has(ctx, 'b', digest)]).toEqual([false, true]);
    clock.advance(1);
    expect(notes.has(ctx, 'b', digest)).toBe(false);
  });
});
