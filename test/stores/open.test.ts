import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../support/digests.ts';
import { SHARED_STORES } from '../support/stores.ts';

describe.each(SHARED_STORES)('an open mirror and an edge that authenticates callers, on one store: $name', (store) => {
  const setup = (isOpen: boolean) => {
    const clock = createClock(Date.now());
    const name = parseRepositoryName(uniqueName());
    const of = (open: boolean) =>
      store.open({ askedAs: open ? 'nobody' : 'caller' }).descriptors.repositoryScoped(name, 'blobs');
    return { clock, ctx: contextOf(clock), digest: uniqueDigest(), one: of(isOpen), other: of(!isOpen) };
  };
  const SIDES = [
    ['the open mirror', true],
    ['the other edge', false],
  ] as const;

  it.each(SIDES)('an entry that was confirmed to %s counts for it alone', async (_side, isOpen) => {
    const { ctx, digest, one, other } = setup(isOpen);
    await one.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect((await one.stat(ctx, digest))?.verifiedAt).toBe(ctx.now());
    // A store may return it as never confirmed (`verifiedAt` 0), and such an entry is never fresh.
    expect((await other.stat(ctx, digest))?.verifiedAt ?? 0).toBe(0);
  });

  it.each(SIDES)('each keeps its own time of confirmation, whichever writes first: %s', async (_side, isOpen) => {
    const { clock, ctx, digest, one, other } = setup(isOpen);
    const earlier = ctx.now();
    await one.setDescriptor(ctx, digest, entryFor(digest, earlier));
    clock.advance(60_000);
    await other.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect((await one.stat(ctx, digest))?.verifiedAt).toBe(earlier);
    expect((await other.stat(ctx, digest))?.verifiedAt).toBe(ctx.now());
  });

  it.each(SIDES)(
    'a clear by %s holds for both, and late writes revive the entry for neither',
    async (_side, isOpen) => {
      const { clock, ctx, digest, one, other } = setup(isOpen);
      const entry = entryFor(digest, ctx.now());
      await one.setDescriptor(ctx, digest, entry);
      await other.setDescriptor(ctx, digest, entry);
      await one.clear(ctx, digest);
      for (const scoped of [one, other]) {
        expect(await scoped.stat(ctx, digest)).toBeUndefined();
        await scoped.setDescriptor(ctx, digest, entry);
        expect(await scoped.stat(ctx, digest)).toBeUndefined();
      }
      clock.advance(CLOCK_SKEW_MS + 1);
      await other.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
      expect(await other.stat(ctx, digest)).toBeDefined();
      expect((await one.stat(ctx, digest))?.verifiedAt ?? 0).not.toBe(ctx.now());
    },
  );

  it.each(SIDES)('an eviction by %s leaves what was confirmed later to the other', async (_side, isOpen) => {
    const { clock, ctx, digest, one, other } = setup(isOpen);
    const sentAtMs = clock.now();
    await one.setDescriptor(ctx, digest, entryFor(digest, sentAtMs));
    clock.advance(1);
    const later = entryFor(digest, ctx.now());
    await other.setDescriptor(ctx, digest, later);
    await one.evict(ctx, [digest], sentAtMs);
    expect((await one.stat(ctx, digest))?.verifiedAt ?? 0).toBe(0);
    expect(await other.stat(ctx, digest)).toEqual(later);
  });
});
