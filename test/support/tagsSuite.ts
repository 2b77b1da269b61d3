import { beforeEach, describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import type { TagKey, Tags } from '../../src/stores/tags.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { type Clock, contextOf, createClock, type TestContext } from './context.ts';
import { someDigest, someName } from './digests.ts';

export interface TagsOptions {
  create(): Tags;
  /** The same over a store that fails; absent: there is none that could. */
  createBroken?: (() => Tags) | undefined;
  skip?: boolean;
}

/** A tag that nobody else asks for. */
export function someTag(changes: Partial<TagKey> = {}): TagKey {
  return { name: parseRepositoryName(someName()), tag: 'latest', variant: 'application/json ', ...changes };
}

/** What every store of tags must do. */
export function describeTags(name: string, { create, createBroken, skip = false }: TagsOptions): void {
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
    const pointerNow = () => ({ digest: someDigest(), verifiedAt: clock.now() });
    const outcomes = () => ctx.events.map((event) => event.kind === 'stat' && event.outcome);

    it('miss what was never set, and tell so', async () => {
      expect(await tags.get(ctx, key)).toBeUndefined();
      expect(outcomes()).toEqual(['miss']);
    });

    it.each(['sha256', 'sha384', 'sha512'] as const)('give back the pointer that was set: %s', async (algorithm) => {
      const pointer = { digest: someDigest(algorithm), verifiedAt: clock.now() - 1_000 };
      await tags.set(ctx, key, pointer);
      expect(await tags.get(ctx, key)).toEqual(pointer);
      expect(outcomes()).toEqual(['hit']);
    });

    it('follow a tag that moves', async () => {
      for (let n = 0; n < 3; n++) {
        const pointer = pointerNow();
        await tags.set(ctx, key, pointer);
        expect(await tags.get(ctx, key)).toEqual(pointer);
        clock.advance(1_000);
      }
    });

    it('let the later of two answers stand that cross', async () => {
      const later = pointerNow();
      await tags.set(ctx, key, later);
      await tags.set(ctx, key, { digest: someDigest(), verifiedAt: later.verifiedAt - 1 });
      expect(await tags.get(ctx, key)).toEqual(later);
    });

    it('keep apart variants, tags and repositories', async () => {
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
      for (const [at, pointer] of pointers.entries()) expect(await tags.get(ctx, keys[at] ?? key)).toEqual(pointer);
    });

    it('survive sets at the same time', async () => {
      const keys = Array.from({ length: 10 }, (_, n) => ({ ...key, variant: `text/${n} ` }));
      const pointers = keys.map(pointerNow);
      await Promise.all(pointers.map((pointer, at) => tags.set(ctx, keys[at] ?? key, pointer)));
      expect(await Promise.all(keys.map((one) => tags.get(ctx, one)))).toEqual(pointers);
    });

    describe('drop', () => {
      it('forgets the tag, whoever asks, and no other', async () => {
        const [other, elsewhere] = [{ ...key, tag: 'other' }, someTag()];
        for (const one of [key, { ...key, variant: 'x' }, other, elsewhere]) await tags.set(ctx, one, pointerNow());
        await tags.drop(ctx, key.name, [key.tag]);
        for (const variant of [key.variant, 'x']) expect(await tags.get(ctx, { ...key, variant })).toBeUndefined();
        for (const one of [other, elsewhere]) expect(await tags.get(ctx, one)).toBeDefined();
      });

      it('tells where the tag led, whoever was told so, also what no longer counts and what answers nobody', async () => {
        const [one, other, noted] = [someDigest(), someDigest(), someDigest()];
        await tags.set(ctx, key, { digest: one, verifiedAt: clock.now() });
        await tags.set(ctx, { ...key, variant: 'other' }, { digest: other, verifiedAt: clock.now() });
        await tags.note(ctx, key, { digest: noted, verifiedAt: clock.now() });
        expect(await tags.get(ctx, { ...key, variant: '' })).toBeUndefined();
        expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set([one, other, noted]));
        expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set());
      });

      it('tells where a tag of another name led to nobody', async () => {
        await tags.note(ctx, key, { digest: someDigest(), verifiedAt: clock.now() });
        expect(await tags.drop(ctx, key.name, [`${key.tag}x`])).toEqual(new Set());
      });

      it('tells what was noted after a drop where the tag was moved, and only the last of it', async () => {
        const [first, last] = [someDigest(), someDigest()];
        await tags.drop(ctx, key.name, [key.tag]);
        for (const digest of [first, last]) {
          clock.advance(1);
          expect(await tags.note(ctx, key, { digest, verifiedAt: clock.now() }, true)).toBe(true);
        }
        // The origin's 404 to the tag forgets no note: it removes what answers.
        await tags.evict(ctx, key.name, key.tag, clock.now());
        expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set([last]));
      });

      it('is not undone by a late note of what was read before it', async () => {
        const [old, now] = [someDigest(), someDigest()];
        const sentAt = clock.now();
        clock.advance(1);
        await tags.drop(ctx, key.name, [key.tag]);
        expect(await tags.note(ctx, key, { digest: old, verifiedAt: sentAt })).toBe(false);
        await tags.note(ctx, key, { digest: now, verifiedAt: clock.now() }, true);
        expect(await tags.note(ctx, key, { digest: old, verifiedAt: sentAt }, true)).toBe(false);
        expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set([now]));
      });

      it('is no error for what was never set, and may be repeated', async () => {
        for (let n = 0; n < 2; n++) expect(await tags.drop(ctx, key.name, [key.tag])).toEqual(new Set());
      });

      it('is not undone by a late set of what was confirmed before it, by any clock', async () => {
        for (const aheadMs of [0, CLOCK_SKEW_MS - 1]) {
          const before = { digest: someDigest(), verifiedAt: clock.now() + aheadMs };
          clock.advance(1);
          await tags.drop(ctx, key.name, [key.tag]);
          clock.advance(4_000);
          for (const variant of [key.variant, 'x']) {
            await tags.set(ctx, { ...key, variant }, before);
            expect(await tags.get(ctx, { ...key, variant })).toBeUndefined();
          }
        }
      });

      it('forgets many at once', async () => {
        const keys = Array.from({ length: 30 }, (_, n) => ({ ...key, tag: `tag-${n}` }));
        for (const one of keys) await tags.set(ctx, one, pointerNow());
        const names = keys.map(({ tag }) => tag);
        await tags.drop(ctx, key.name, names);
        for (const one of keys) expect(await tags.get(ctx, one)).toBeUndefined();
      });

      it('buries for as long as it is told to reach', async () => {
        await tags.drop(ctx, key.name, [key.tag], 60_000);
        clock.advance(59_000);
        await tags.set(ctx, key, pointerNow());
        expect(await tags.get(ctx, key)).toBeUndefined();
        clock.advance(2_000);
        await tags.set(ctx, key, pointerNow());
        expect(await tags.get(ctx, key)).toBeDefined();
      });

      it('ends where the origin tells anew where the tag leads', async () => {
        await tags.set(ctx, key, pointerNow());
        await tags.drop(ctx, key.name, [key.tag]);
        clock.advance(CLOCK_SKEW_MS + 1);
        const pointer = pointerNow();
        await tags.set(ctx, key, pointer);
        expect(await tags.get(ctx, key)).toEqual(pointer);
      });
    });

    describe('evict', () => {
      it('forgets what was confirmed before the origin was asked, and nothing later', async () => {
        const [before, after] = [key, { ...key, variant: 'after ' }];
        await tags.set(ctx, before, pointerNow());
        const sentAtMs = clock.now();
        clock.advance(1);
        const later = pointerNow();
        await tags.set(ctx, after, later);
        clock.advance(100);
        await tags.evict(ctx, key.name, key.tag, sentAtMs);
        await tags.set(ctx, before, { digest: someDigest(), verifiedAt: sentAtMs });
        expect(await tags.get(ctx, before)).toBeUndefined();
        expect(await tags.get(ctx, after)).toEqual(later);
        await tags.set(ctx, before, pointerNow());
        expect(await tags.get(ctx, before)).toBeDefined();
      });
    });

    describe('the farther of two reaches stands', () => {
      const far = () => tags.drop(ctx, key.name, [key.tag], 60_000);
      it.each([
        ['a drop', () => tags.drop(ctx, key.name, [key.tag])],
        ['an eviction', () => tags.evict(ctx, key.name, key.tag, clock.now())],
        ['a purge', () => purgeAll()],
      ])('%s before and after a drop that reaches far', async (_what, short) => {
        for (const verbs of [
          [far, short],
          [short, far],
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
      it('drops all tags of a repository, and counts once each that led somewhere', async () => {
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

      it('forgets where tags are noted to lead, also of those that answered nobody, and counts none of it', async () => {
        const other = { ...key, tag: 'other' };
        await tags.set(ctx, key, pointerNow());
        for (const one of [key, other]) await tags.note(ctx, one, { digest: someDigest(), verifiedAt: clock.now() });
        const below = parseRepositoryName(`${key.name}/below`);
        const noted = someDigest();
        await tags.note(ctx, { name: below, tag: key.tag }, { digest: noted, verifiedAt: clock.now() });
        expect(await purgeAll()).toBe(1);
        expect(await tags.drop(ctx, key.name, [key.tag, other.tag])).toEqual(new Set());
        expect(await tags.drop(ctx, below, [key.tag])).toEqual(new Set([noted]));
      });

      it('is not undone by a late set of what was confirmed before it', async () => {
        const pointer = pointerNow();
        await tags.set(ctx, key, pointer);
        clock.advance(1);
        await purgeAll();
        await tags.set(ctx, key, pointer);
        expect(await tags.get(ctx, key)).toBeUndefined();
      });
    });

    if (createBroken) {
      it('take a store that fails for a fault, never for a miss', async () => {
        const broken = createBroken();
        await expect(broken.get(ctx, key)).rejects.toBeInstanceOf(CacheFault);
        expect(outcomes()).toEqual(['fault']);
        await expect(broken.set(ctx, key, pointerNow())).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.drop(ctx, key.name, [key.tag])).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.evict(ctx, key.name, key.tag, 1)).rejects.toBeInstanceOf(CacheFault);
        await expect(broken.purge(ctx, [key.name])).rejects.toBeInstanceOf(CacheFault);
      });
    }
  });
}
