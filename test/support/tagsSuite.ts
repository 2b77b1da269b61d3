import { beforeEach, describe, expect, it } from 'vitest';
import type { Tags } from '../../src/cache/tags.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import type { TagKey } from '../../src/stores/tagRecords.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { uniqueDigest, uniqueName } from './digests.ts';

export interface TagsOptions {
  create(): Tags;
  /** Creates the same over a store that fails; absent if no store could fail. */
  createFailing?: (() => Tags) | undefined;
  skip?: boolean;
}

/** A tag that no other test uses. */
export function someTag(changes: Partial<TagKey> = {}): TagKey {
  return { name: parseRepositoryName(uniqueName()), tag: 'latest', variant: 'application/json ', ...changes };
}

/** What every store of tags must do. */
export function describeTags(name: string, { create, createFailing, skip = false }: TagsOptions): void {
  describe.skipIf(skip)(`Tags: ${name}`, () => {
    let clock: Clock;
    let ctx: TestContext;
    let tags: Tags;
    let key: TagKey;
    beforeEach(() => {
      clock = createClock(Date.now());
      ctx = contextOf(clock);
      tags = create();
      key = someTag();
    });
    const pointerNow = () => ({ digest: uniqueDigest(), verifiedAt: clock.now() });
    const outcomes = () => ctx.events.flatMap((event) => (event.kind === 'stat' ? event.outcome : []));

    it('miss a tag that was never set, and emit the miss', async () => {
      expect(await tags.get(ctx, key)).toBeUndefined();
      expect(outcomes()).toEqual(['miss']);
    });

    it.each(['sha256', 'sha384', 'sha512'] as const)('return the pointer that was set: %s', async (algorithm) => {
      const pointer = { digest: uniqueDigest(algorithm), verifiedAt: clock.now() - 1_000 };
      await tags.set(ctx, key, pointer);
      expect(await tags.get(ctx, key)).toMatchObject(pointer);
      expect(outcomes()).toEqual(['hit']);
    });

    it('follow a tag that moves', async () => {
      for (let n = 0; n < 3; n++) {
        const pointer = pointerNow();
        await tags.set(ctx, key, pointer);
        expect(await tags.get(ctx, key)).toMatchObject(pointer);
        clock.advance(1_000);
      }
    });

    it('keep the pointer that was confirmed later, if two answers overtake each other', async () => {
      const later = pointerNow();
      await tags.set(ctx, key, later);
      await tags.set(ctx, key, { digest: uniqueDigest(), verifiedAt: later.verifiedAt - 1 });
      expect(await tags.get(ctx, key)).toMatchObject(later);
    });

    it('keep variants, tags and repositories apart', async () => {
      const keys: TagKey[] = [
        key,
        { ...key, variant: '' },
        { ...key, variant: 'cleared' },
        { ...key, variant: `${key.variant}?ns=docker.io` },
        { ...key, variant: `${key.variant.trimEnd()},*/* ` },
        { ...key, tag: 'v1' },
        { ...key, tag: 'Latest' },
        { ...key, name: parseRepositoryName(`${key.name}/latest`) },
        someTag(),
      ];
      const pointers = keys.map(pointerNow);
      for (const [at, pointer] of pointers.entries()) {
        expect(await tags.get(ctx, keys[at] ?? key)).toBeUndefined();
        await tags.set(ctx, keys[at] ?? key, pointer);
      }
      for (const [at, pointer] of pointers.entries())
        expect(await tags.get(ctx, keys[at] ?? key)).toMatchObject(pointer);
    });

    it('survive concurrent sets', async () => {
      const keys = Array.from({ length: 10 }, (_, n) => ({ ...key, variant: `text/${n} ` }));
      const pointers = keys.map(pointerNow);
      await Promise.all(pointers.map((pointer, at) => tags.set(ctx, keys[at] ?? key, pointer)));
      expect(await Promise.all(keys.map((one) => tags.get(ctx, one)))).toMatchObject(pointers);
    });

    describe('drop', () => {
      it('forgets all variants of the tag, and no other tag', async () => {
        const [other, elsewhere] = [{ ...key, tag: 'other' }, someTag()];
        for (const one of [key, { ...key, variant: 'x' }, other, elsewhere]) await tags.set(ctx, one, pointerNow());
        await tags.drop(ctx, key.name, [key.tag]);
        for (const variant of [key.variant, 'x']) expect(await tags.get(ctx, { ...key, variant })).toBeUndefined();
        for (const one of [other, elsewhere]) expect(await tags.get(ctx, one)).toBeDefined();
      });

      it('returns the digests of all variants and of the note', async () => {
        const [one, other, noted] = [uniqueDigest(), uniqueDigest(), uniqueDigest()];
        await tags.set(ctx, key, { digest: one, verifiedAt: clock.now() });
        await tags.set(ctx, { ...key, variant: 'other' }, { digest: other, verifiedAt: clock.now() });
        await tags.note(ctx, key, { digest: noted, verifiedAt: clock.now() });
        expect(await tags.get(ctx, { ...key, variant: '' })).toBeUndefined();
        expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set([one, other, noted]));
        expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set());
      });

      it('returns nothing about a tag with a similar name', async () => {
        await tags.note(ctx, key, { digest: uniqueDigest(), verifiedAt: clock.now() });
        expect(await tags.drop(ctx, key.name, [`${key.tag}x`])).toEqual(new Set());
      });

      it('returns the last note that a move wrote after an earlier drop', async () => {
        const [first, last] = [uniqueDigest(), uniqueDigest()];
        await tags.drop(ctx, key.name, [key.tag]);
        for (const digest of [first, last]) {
          clock.advance(1);
          expect(await tags.note(ctx, key, { digest, verifiedAt: clock.now() }, true)).toBe(true);
        }
        // An eviction removes pointers, which answer callers, but not the note.
        await tags.evict(ctx, key.name, key.tag, clock.now());
        expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set([last]));
      });

      it('is not undone by a late note of an earlier answer', async () => {
        const [old, now] = [uniqueDigest(), uniqueDigest()];
        const sentAt = clock.now();
        clock.advance(1);
        await tags.drop(ctx, key.name, [key.tag]);
        expect(await tags.note(ctx, key, { digest: old, verifiedAt: sentAt })).toBe(false);
        await tags.note(ctx, key, { digest: now, verifiedAt: clock.now() }, true);
        expect(await tags.note(ctx, key, { digest: old, verifiedAt: sentAt }, true)).toBe(false);
        expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set([now]));
      });

      it('returns a note that was written again after an earlier drop', async () => {
        const digest = uniqueDigest();
        for (let n = 0; n < 2; n++) {
          clock.advance(1);
          expect(await tags.note(ctx, key, { digest, verifiedAt: clock.now() }, true)).toBe(true);
          expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set([digest]));
        }
      });

      it('of a tag that was never set is no error, and can be repeated', async () => {
        for (let n = 0; n < 2; n++) expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set());
      });

      it('is not undone by a late set of a pointer that was confirmed before it, by any clock', async () => {
        for (const aheadMs of [0, CLOCK_SKEW_MS - 1]) {
          const before = { digest: uniqueDigest(), verifiedAt: clock.now() + aheadMs };
          clock.advance(1);
          await tags.drop(ctx, key.name, [key.tag]);
          clock.advance(4_000);
          for (const variant of [key.variant, 'x']) {
            await tags.set(ctx, { ...key, variant }, before);
            expect(await tags.get(ctx, { ...key, variant })).toBeUndefined();
          }
        }
      });

      it('forgets many tags at once', async () => {
        const keys = Array.from({ length: 30 }, (_, n) => ({ ...key, tag: `tag-${n}` }));
        for (const one of keys) await tags.set(ctx, one, pointerNow());
        const names = keys.map(({ tag }) => tag);
        await tags.drop(ctx, key.name, names);
        for (const one of keys) expect(await tags.get(ctx, one)).toBeUndefined();
      });

      it('hides what is confirmed within clearedForMs, and nothing after it', async () => {
        await tags.drop(ctx, key.name, [key.tag], 60_000);
        clock.advance(59_000);
        await tags.set(ctx, key, pointerNow());
        expect(await tags.get(ctx, key)).toBeUndefined();
        clock.advance(2_000);
        await tags.set(ctx, key, pointerNow());
        expect(await tags.get(ctx, key)).toBeDefined();
      });

      it('ends when the origin confirms the tag again', async () => {
        await tags.set(ctx, key, pointerNow());
        await tags.drop(ctx, key.name, [key.tag]);
        clock.advance(CLOCK_SKEW_MS + 1);
        const pointer = pointerNow();
        await tags.set(ctx, key, pointer);
        expect(await tags.get(ctx, key)).toMatchObject(pointer);
      });
    });

    it('are current by an earlier answer only if it gave the manifest that a later one gave', async () => {
      const [digest, other] = [uniqueDigest(), uniqueDigest()];
      await tags.note(ctx, key, { digest, verifiedAt: clock.now() });
      expect(await tags.note(ctx, key, { digest, verifiedAt: clock.now() - 1 })).toBe(true);
      for (let n = 0; n < 2; n++) {
        expect(await tags.note(ctx, key, { digest: other, verifiedAt: clock.now() - 1 })).toBe(false);
      }
    });

    describe('evict', () => {
      it('forgets pointers that were confirmed before the request to the origin, and none later', async () => {
        const [before, after] = [key, { ...key, variant: 'after ' }];
        await tags.set(ctx, before, pointerNow());
        const sentAtMs = clock.now();
        clock.advance(1);
        const later = pointerNow();
        await tags.set(ctx, after, later);
        clock.advance(100);
        await tags.evict(ctx, key.name, key.tag, sentAtMs);
        await tags.set(ctx, before, { digest: uniqueDigest(), verifiedAt: sentAtMs });
        expect(await tags.get(ctx, before)).toBeUndefined();
        expect(await tags.get(ctx, after)).toMatchObject(later);
        await tags.set(ctx, before, pointerNow());
        expect(await tags.get(ctx, before)).toBeDefined();
      });
    });

    describe('a drop that reaches far', () => {
      const far = () => tags.drop(ctx, key.name, [key.tag], 60_000);
      it.each([
        ['a drop', () => tags.drop(ctx, key.name, [key.tag])],
        ['an eviction', () => tags.evict(ctx, key.name, key.tag, clock.now())],
        ['a purge', () => purgeAll()],
      ])('is not shortened by %s, before it or after it', async (_what, near) => {
        for (const verbs of [
          [far, near],
          [near, far],
        ]) {
          key = someTag();
          await tags.set(ctx, key, pointerNow());
          for (const verb of verbs) await verb();
          clock.advance(59_999);
          await tags.set(ctx, key, pointerNow());
          expect(await tags.get(ctx, key)).toBeUndefined();
          clock.advance(2);
          await tags.set(ctx, key, pointerNow());
          expect(await tags.get(ctx, key)).toBeDefined();
        }
      });
    });

    async function purgeAll(): Promise<number> {
      let removed = 0;
      let cursor: string | undefined;
      do {
        const page = await tags.purge(ctx, [key.name], cursor);
        removed += page.removed;
        cursor = page.cursor;
      } while (cursor !== undefined);
      return removed;
    }

    describe('purge', () => {
      it('drops all tags of a repository, and counts each tag with a pointer once', async () => {
        const names = Array.from({ length: 20 }, (_, n) => `tag-${n}`);
        for (const tag of names) {
          for (const variant of ['x', 'y']) await tags.set(ctx, { ...key, tag, variant }, pointerNow());
        }
        const below = { ...key, name: parseRepositoryName(`${key.name}/below`) };
        await tags.set(ctx, below, pointerNow());
        const before = pointerNow();
        await tags.drop(ctx, key.name, ['tag-0', 'never-set']);
        await tags.set(ctx, { ...key, tag: 'tag-0' }, before);
        expect(await purgeAll()).toBe(names.length - 1);
        for (const tag of names) expect(await tags.get(ctx, { ...key, tag, variant: 'x' })).toBeUndefined();
        expect(await tags.get(ctx, below)).toBeDefined();
        expect(await purgeAll()).toBe(0);
      });

      it('counts a tag with one pointer that counts, and none whose pointers an eviction has hidden', async () => {
        const hidden = { ...key, tag: 'hidden' };
        for (const one of [key, hidden]) await tags.set(ctx, one, pointerNow());
        const sentAtMs = clock.now();
        clock.advance(1);
        await tags.set(ctx, { ...key, variant: 'later ' }, pointerNow());
        for (const { tag } of [key, hidden]) await tags.evict(ctx, key.name, tag, sentAtMs);
        expect(await purgeAll()).toBe(1);
      });

      it('forgets all notes, also those of tags without a pointer, and does not count them', async () => {
        const other = { ...key, tag: 'other' };
        await tags.set(ctx, key, pointerNow());
        for (const one of [key, other]) await tags.note(ctx, one, { digest: uniqueDigest(), verifiedAt: clock.now() });
        const below = parseRepositoryName(`${key.name}/below`);
        const noted = uniqueDigest();
        await tags.note(ctx, { name: below, tag: key.tag }, { digest: noted, verifiedAt: clock.now() });
        expect(await purgeAll()).toBe(1);
        expect(await tags.drop(ctx, key.name, [key.tag, other.tag])).toEqual(new Set());
        expect(await tags.drop(ctx, below, [key.tag])).toEqual(new Set([noted]));
      });

      it('drops the tags of several repositories at once, and of no other', async () => {
        const [second, third] = [someTag(), someTag()];
        for (const one of [key, second, third]) await tags.set(ctx, one, pointerNow());
        let cursor: string | undefined;
        do ({ cursor } = await tags.purge(ctx, [key.name, second.name], cursor));
        while (cursor !== undefined);
        expect([await tags.get(ctx, key), await tags.get(ctx, second)]).toEqual([undefined, undefined]);
        expect(await tags.get(ctx, third)).toBeDefined();
      });

      it('is not undone by a late set of a pointer that was confirmed before it', async () => {
        const pointer = pointerNow();
        await tags.set(ctx, key, pointer);
        clock.advance(1);
        await purgeAll();
        await tags.set(ctx, key, pointer);
        expect(await tags.get(ctx, key)).toBeUndefined();
      });
    });

    if (createFailing) {
      it('report a failing store as a fault, never as a miss', async () => {
        const failing = createFailing();
        await expect(failing.get(ctx, key)).rejects.toBeInstanceOf(CacheFault);
        expect(outcomes()).toEqual(['fault']);
        await expect(failing.set(ctx, key, pointerNow())).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.drop(ctx, key.name, [key.tag])).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.evict(ctx, key.name, key.tag, 1)).rejects.toBeInstanceOf(CacheFault);
        await expect(failing.purge(ctx, [key.name])).rejects.toBeInstanceOf(CacheFault);
      });
    }
  });
}
