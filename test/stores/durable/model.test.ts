import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test';
import fc from 'fast-check';
import { expect, inject, it } from 'vitest';
import { isFresh } from '../../../src/cache/freshness.ts';
import { type CacheItem, descriptorItem } from '../../../src/cache/item.ts';
import { lookUp } from '../../../src/cache/lookup.ts';
import { tagItem } from '../../../src/cache/tagItem.ts';
import type { Tags } from '../../../src/cache/tags.ts';
import { overwrite } from '../../../src/cache/writeBack.ts';
import type { Entry } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { OBJECTS } from '../../support/durableStore.ts';
import { openDurable } from '../../support/stores.ts';

const LIVES_MS = 60_000;
const OPTIONS = { retentionMs: LIVES_MS, maxClearedForMs: LIVES_MS };
const TTLS = {
  descriptorMs: LIVES_MS,
  pushExistenceMs: 0,
  pushStaleMs: 0,
  tagMs: LIVES_MS,
  longestTagMs: LIVES_MS,
  staleMs: 0,
};
const TAG = 'latest';
const TARGETS = ['manifest', 'tag'] as const;
type Target = (typeof TARGETS)[number];

/** What one of two edges does, `ms` after the step before; with `isAlone` when everything before it is over. */
const step = fc.record({
  verb: fc.constantFrom(
    ...(['ask', 'ask', 'ask', 'ask', 'ask', 'write', 'write', 'write', 'write', 'write', 'write'] as const),
    ...(['delete', 'delete', 'delete', 'delete', 'mark', 'evict', 'purge', 'sweep', 'restart'] as const),
  ),
  edge: fc.constantFrom(0, 1),
  target: fc.constantFrom(...TARGETS),
  ms: fc.constantFrom(1, 1, 1, 1, 6_000, 6_000, 6_000, 61_000),
  isAlone: fc.boolean(),
  looks: fc.boolean(),
  /** Which of the answers that are on their way is written. */
  answer: fc.constantFrom(0, 0, 0, 1),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** An answer of the origin on its way to the store. */
interface Answer extends Pick<Step, 'edge' | 'target'> {
  readonly entry: Entry;
  readonly lookedAt: number | undefined;
}

/** Two edges in front of the object of one repository, which has a manifest and a tag that points to it. */
class World {
  readonly clock = createClock(Date.now());
  readonly #skewsMs: readonly number[];
  readonly #name = parseRepositoryName(uniqueName());
  readonly #digest: Digest = uniqueDigest();
  readonly #caches = [openDurable(OPTIONS), openDurable(OPTIONS)] as const;
  readonly #answers: Answer[] = [];
  /** How many questions there were; the size in a descriptor is the number of the question. */
  #questions = 0;
  /** How many questions there were when the last delete was answered. */
  readonly #deletedAfter = { manifest: 0, tag: 0 };
  /** The numbers of the questions by the times at which they were sent, by the clock of who asked. */
  readonly #questionAt = new Map<number, number>();

  constructor(skewsMs: readonly number[]) {
    this.#skewsMs = skewsMs;
  }

  async act({ verb, edge, target, looks, answer: at }: Step): Promise<void> {
    const ctx = this.#ctx(edge);
    const [manifests, tags] = [this.#manifests(edge), this.#tags(edge)];
    const object = OBJECTS.get(OBJECTS.idFromName(`${new URL(inject('originUrl')).href} ${this.#name}`)) as never;
    if (verb === 'ask') {
      const found = looks ? await lookUp(ctx, this.#item(edge, target)) : undefined;
      const lookedAt = found && 'lookedAt' in found ? found.lookedAt : undefined;
      this.#questions += 1;
      this.#questionAt.set(ctx.now(), this.#questions);
      const entry = entryFor(this.#digest, ctx.now(), { size: this.#questions });
      this.#answers.push({ edge, target, entry, lookedAt });
    } else if (verb === 'write') {
      const [answer] = this.#answers.splice(at, 1);
      if (!answer) return;
      const item = this.#item(answer.edge, answer.target);
      const found = { outcome: 'miss', clearedUntil: 0 } as const;
      await overwrite(this.#ctx(answer.edge), item, answer.entry, found, answer.lookedAt);
    } else if (verb === 'mark') {
      await manifests.markDeleting(ctx, this.#digest, 35_000);
    } else if (verb === 'delete') {
      if (target === 'tag') await tags.drop(ctx, this.#name, [TAG]);
      else await manifests.clear(ctx, this.#digest);
      this.#deletedAfter[target] = this.#questions;
    } else if (verb === 'evict') {
      if (target === 'tag') await tags.evict(ctx, this.#name, TAG, ctx.now());
      else await manifests.evict(ctx, [this.#digest], ctx.now());
    } else if (verb === 'purge') {
      await Promise.all([manifests.purge(ctx), tags.purge(ctx, [this.#name])]);
      for (const each of TARGETS) this.#deletedAfter[each] = this.#questions;
    } else if (verb === 'sweep') {
      await runDurableObjectAlarm(object);
    } else {
      // It may not be running.
      await evictDurableObject(object).catch(() => undefined);
    }
  }

  /** No answer counts that was asked for before a delete was answered. @param isStrict whether stale ones count too */
  async check(isStrict: boolean): Promise<void> {
    for (const edge of [0, 1]) {
      for (const target of TARGETS) {
        const ctx = this.#ctx(edge);
        const found = await lookUp(ctx, this.#item(edge, target));
        expect(found.outcome).not.toBe('fault');
        if (found.outcome !== 'hit' || !(isStrict || isFresh(found.entry, ctx.now(), LIVES_MS))) continue;
        const { descriptor, verifiedAt } = found.entry;
        expect(descriptor.size).toBeGreaterThan(this.#deletedAfter.manifest);
        if (target === 'manifest') continue;
        const question = this.#questionAt.get(verifiedAt);
        expect(question).toBeGreaterThan(this.#deletedAfter.tag);
        expect(question).toBeGreaterThan(this.#deletedAfter.manifest);
      }
    }
  }

  #ctx(edge: number) {
    return contextOf({ ...this.clock, now: () => this.clock.now() + (this.#skewsMs[edge] as number) });
  }

  #manifests(edge: number) {
    return (edge ? this.#caches[1] : this.#caches[0]).descriptors.repositoryScoped(this.#name, 'manifests');
  }

  #tags(edge: number): Tags {
    return (edge ? this.#caches[1] : this.#caches[0]).tags as Tags;
  }

  #item(edge: number, target: Target): CacheItem {
    const reader = this.#manifests(edge);
    const manifestOf = (digest: Digest) => descriptorItem(digest, { reader, writer: () => reader, ttls: TTLS });
    if (target === 'manifest') return manifestOf(this.#digest);
    return tagItem({ name: this.#name, tag: TAG, variant: '' }, this.#tags(edge), manifestOf);
  }
}

it.each([
  ['after a look, with clocks that are wrong by a minute', 60_000, true],
  ['with clocks that differ by less than 5 s', 2_400, false],
])('nothing counts that was asked for before a delete was answered, %s', async (_title, skewMs, alwaysLooks) => {
  const skew = fc.constantFrom(-skewMs, 0, skewMs);
  const steps = fc.array(step, { minLength: 8, maxLength: 20, size: 'max' });
  await fc.assert(
    fc.asyncProperty(fc.tuple(skew, skew), steps, async (skewsMs, all) => {
      const world = new World(skewsMs);
      let running: Promise<void>[] = [];
      for (const one of all) {
        world.clock.advance(one.ms);
        if (one.isAlone) {
          await Promise.all(running);
          running = [];
          await world.check(alwaysLooks);
        }
        running.push(world.act({ ...one, looks: alwaysLooks || one.looks }));
        // Nobody restarts an object, or sweeps it, while it is asked: the test could not tell which came first.
        if (one.isAlone || one.verb === 'restart' || one.verb === 'sweep') await Promise.all(running);
      }
      await Promise.all(running);
      await world.check(alwaysLooks);
    }),
    { seed: 14, numRuns: 40 },
  );
});
