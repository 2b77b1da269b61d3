import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RepositoryDescriptors } from '../../src/cache/provider.ts';
import type { Tags } from '../../src/cache/tags.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../support/digests.ts';
import { ADDRESS, NO_REDIS, redis } from '../support/redisStore.ts';
import { openRedis } from '../support/stores.ts';

const MAX_CLEARED_MS = 60_000;
const OPTIONS = { maxClearedForMs: MAX_CLEARED_MS };
const clock = createClock(Date.now());
const ctx = contextOf(clock);

/** An action of one of two edges. `at` is a time as an offset from now, in ms. */
const action = fc.record({
  verb: fc.constantFrom('set', 'set', 'markDeleting', 'clear', 'evict', 'clearPresent', 'stat'),
  at: fc.integer({ min: -2_000, max: MAX_CLEARED_MS }),
  edge: fc.constantFrom(0, 1),
});
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;
/** The actions of a group run concurrently; the groups run one after the other. */
const groups = fc.array(fc.array(action, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });

async function registryWrites(name: RepositoryName, digest: Digest): Promise<void> {
  const write = redis.pipeline().sadd(`repository::${name}::blobs`, digest);
  write.hset(`blobs::${digest}`, { digest, size: 1234, mediatype: 'a/b' });
  await write.hset(`repository::${name}::blobs::${digest}`, { mediatype: 'a/b' }).exec();
}

describe.skipIf(NO_REDIS).each([
  ['a database of its own', false],
  ['shared with a registry', true],
])('two concurrent edges on one Redis, %s', (_kind, isShared) => {
  it('no interleaving lets an entry answer that was confirmed before the farthest tombstone', async () => {
    const providers = [0, 1].map(() => openRedis(OPTIONS, ADDRESS, isShared).descriptors);
    await fc.assert(
      fc.asyncProperty(groups, async (all) => {
        const name = parseRepositoryName(uniqueName());
        const digest = uniqueDigest();
        const edges = providers.map((provider) => provider.repositoryScoped(name, 'blobs'));
        /** The farthest tombstone: no entry that was confirmed until then may be returned. */
        let farthest = 0;
        for (const group of all) {
          if (isShared) await registryWrites(name, digest);
          const hiddenUntil = farthest;
          await Promise.all(
            group.map((one) => act(edges[one.edge] as RepositoryDescriptors, digest, one, hiddenUntil)),
          );
          for (const { verb, at } of group) {
            const reach = clock.now() + Math.max(at, CLOCK_SKEW_MS);
            if (verb === 'markDeleting' || verb === 'clear') farthest = Math.max(farthest, reach);
          }
          for (const edge of edges) {
            const found = await edge.stat(ctx, digest);
            if (found && found.verifiedAt > 0) expect(found.verifiedAt).toBeGreaterThan(farthest);
          }
          const key = isShared ? `registry-edge::${name}::blobs::${digest}` : `repository::${name}::blobs::${digest}`;
          expect(Number(await redis.hget(key, 'cleared'))).toBeGreaterThanOrEqual(farthest);
          clock.advance(700);
        }
      }),
      { numRuns: 60, seed: 5 },
    );
    await ctx.settled();
  }, 60_000);
});

async function act(edge: RepositoryDescriptors, digest: Digest, { verb, at }: Action, hiddenUntil: number) {
  const nowMs = clock.now();
  if (verb === 'set') return edge.setDescriptor(ctx, digest, entryFor(digest, nowMs + at));
  if (verb === 'evict') return edge.evict(ctx, [digest], nowMs + Math.min(at, 0));
  if (verb === 'clearPresent') return edge.clearPresent(ctx, [digest]);
  if (verb !== 'stat') return edge[verb](ctx, digest, at);
  const found = await edge.stat(ctx, digest);
  if (found && found.verifiedAt > 0) expect(found.verifiedAt).toBeGreaterThan(hiddenUntil);
}

describe.skipIf(NO_REDIS)('two concurrent edges on the tags of one Redis', () => {
  it('no interleaving lets a pointer answer that was confirmed before the farthest drop', async () => {
    const edges = (['nobody', 'caller'] as const).map(
      (askedAs) => openRedis({ retentionMs: 60_000, maxClearedForMs: MAX_CLEARED_MS, askedAs }).tags as Tags,
    );
    await fc.assert(
      fc.asyncProperty(groups, async (all) => {
        const key = { name: parseRepositoryName(uniqueName()), tag: 'latest', variant: '' };
        let farthest = 0;
        for (const group of all) {
          const nowMs = clock.now();
          await Promise.all(
            group.map(async ({ verb, at, edge }) => {
              const tags = edges[edge];
              if (verb === 'set') return tags?.set(ctx, key, { digest: uniqueDigest(), verifiedAt: nowMs + at });
              if (verb === 'evict') return tags?.evict(ctx, key.name, key.tag, nowMs + Math.min(at, 0));
              if (verb === 'markDeleting' || verb === 'clear') return tags?.drop(ctx, key.name, [key.tag], at);
            }),
          );
          for (const { verb, at } of group) {
            if (verb === 'markDeleting' || verb === 'clear')
              farthest = Math.max(farthest, nowMs + Math.max(at, CLOCK_SKEW_MS));
            if (verb === 'evict') farthest = Math.max(farthest, nowMs + Math.min(at, 0));
          }
          for (const tags of edges) {
            const pointer = await tags.get(ctx, key);
            if (pointer) expect(pointer.verifiedAt).toBeGreaterThan(farthest);
          }
          clock.advance(700);
        }
      }),
      { numRuns: 60, seed: 5 },
    );
  }, 60_000);
});

describe.skipIf(NO_REDIS)('the life of a tombstone in Redis', () => {
  it.each(['clear', 'markDeleting'] as const)(
    'is not shortened by a %s of an edge whose tombstones live shorter',
    async (verb) => {
      const name = parseRepositoryName(uniqueName());
      const digest = uniqueDigest();
      const [long, short] = [600_000, 1_000].map((maxClearedForMs) =>
        openRedis({ retentionMs: 10_000, maxClearedForMs }).descriptors.repositoryScoped(name, 'blobs'),
      );
      await long?.markDeleting(ctx, digest, 600_000);
      await short?.[verb](ctx, digest);
      expect(await redis.ttl(`repository::${name}::blobs::${digest}`)).toBeGreaterThan(600);
    },
  );

  it('is not shortened by the drop of a tag', async () => {
    const { name, tag } = { name: parseRepositoryName(uniqueName()), tag: 'latest' };
    const [long, short] = [600_000, 1_000].map(
      (maxClearedForMs) => openRedis({ retentionMs: 10_000, maxClearedForMs }).tags,
    );
    await long?.drop(ctx, name, [tag], 600_000);
    await short?.drop(ctx, name, [tag]);
    await short?.evict(ctx, name, tag, clock.now());
    expect(await redis.ttl(`registry-edge::tags::${name}::${tag}`)).toBeGreaterThan(600);
  });
});
