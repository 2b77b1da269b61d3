import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';
import type { Caller } from '../support/callers.ts';
import { CommitWorld } from '../support/commitWorld.ts';
import type { Clock } from '../support/context.ts';
import { repositoryObject } from '../support/durableStore.ts';
import { laggingKv } from '../support/laggingKv.ts';
import { redis } from '../support/redisStore.ts';
import { STORES, type Store, storeNamed } from '../support/stores.ts';
import { newTally } from '../support/tally.ts';
import { createIssuer } from '../support/tokens.ts';

const RUNS = 40;
const STEPS = 50;
const BLOBS = 3;
const KV_LAG_MS = 60_000;

const step = fc.record({
  verb: fc.constantFrom(
    ...(['head', 'head', 'head', 'head', 'head', 'head', 'put', 'put', 'put', 'put', 'put'] as const),
    ...(['upload', 'appear', 'appear', 'appear', 'collect', 'collect', 'delete', 'drop', 'restart'] as const),
  ),
  edge: fc.constantFrom(0, 1),
  caller: fc.constantFrom<Caller>('verified', 'verified', 'verified', 'reader', 'fresh', 'push-only'),
  blob: fc.nat(BLOBS - 1),
  /** The blobs that the manifest names, and whether an upload has a Content-Length. */
  named: fc.subarray(
    Array.from({ length: BLOBS }, (_, n) => n),
    { minLength: 1 },
  ),
  hasLength: fc.boolean(),
  /** How much later than the step before. */
  ms: fc.constantFrom(0, 0, 1, 1, 1, 1_000, 6_000, 11_000, 11_000, 35_000, 61_000, 150_000, 300_000, 43_200_000),
  /** Whether everything before it is over. */
  isAlone: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const TABLE: readonly { title: string; store: Store; optionsOf: (clock: Clock) => object }[] = [
  ...STORES.map((store) => ({ title: store.name, store, optionsOf: () => ({}) })),
  {
    ...{ title: 'a KV that lags', store: storeNamed('kv') },
    optionsOf: (clock) => ({ namespace: laggingKv(clock, KV_LAG_MS, false) }),
  },
];

/** Removes the entry of a blob from a store, as if it had expired early. */
async function drop(world: CommitWorld, { like }: Store, { edge, blob }: Step): Promise<void> {
  const digest = world.digest(blob);
  if (like === 'memory') world.restart(edge);
  else if (like === 'kv') await env.DESCRIPTORS.delete(`blobs::${world.name}::${digest}`);
  else if (like === 'redis') await redis.del(`repository::${world.name}::blobs::${digest}`);
  else
    await runInDurableObject(
      repositoryObject(world.originUrl, world.name) as never,
      (_object: DurableObject, { storage }: DurableObjectState) => {
        // An object that nobody has written to has no tables.
        const tables = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'entries'").toArray();
        if (tables.length > 0) storage.sql.exec('DELETE FROM entries WHERE digest = ?', digest);
      },
    );
}

async function act(world: CommitWorld, store: Store, one: Step): Promise<void> {
  const { verb, edge, caller, blob, named, hasLength, isAlone } = one;
  const authorization = world.authorizationOf(caller);
  if (verb === 'head') await world.head(edge, blob, authorization);
  else if (verb === 'put' && isAlone) await world.putAlone(edge, named, authorization);
  else if (verb === 'put') await world.put(edge, named, authorization);
  else if (verb === 'upload') await world.upload(edge, blob, authorization, hasLength);
  else if (verb === 'delete') await world.delete(edge, blob);
  else if (verb === 'collect') world.collect(blob);
  else if (verb === 'appear') world.appear(blob);
  else if (verb === 'restart') world.restart(edge);
  else await drop(world, store, one);
}

afterEach(() => {
  vi.restoreAllMocks();
});

it.each(TABLE)(
  'no manifest gets through whose blobs have been gone for PUSH_EXISTENCE_TTL, in random sequences, cache in $title',
  { timeout: 120_000 },
  async ({ store, optionsOf }) => {
    const tally = newTally();
    const issuer = await createIssuer();
    const steps = fc.array(step, { minLength: STEPS, maxLength: STEPS });
    const turns = fc.infiniteStream(fc.constantFrom(0, 0, 0, 1, 3));
    const windows = fc.constantFrom(10_000, 300_000);
    const property = fc.asyncProperty(steps, turns, windows, async (all, delays, windowMs) => {
      const nextTurns = () => delays.next().value as number;
      const world = new CommitWorld({ variables: store.variables, optionsOf, windowMs, issuer, nextTurns, tally });
      await world.fill(BLOBS);
      const running: Promise<void>[] = [];
      const settle = async () => {
        await Promise.all(running.splice(0));
        await world.settle();
      };
      try {
        for (const one of all) {
          if (one.isAlone) await settle();
          world.clock.advance(one.ms);
          running.push(act(world, store, one));
          if (one.isAlone) await Promise.all(running);
        }
        await settle();
      } finally {
        await Promise.allSettled(running);
        vi.restoreAllMocks();
      }
    });
    await fc.assert(property, { seed: 15, numRuns: RUNS, endOnFailure: true });
    // Without lies the property would hold trivially.
    expect(Math.min(...Object.values(tally))).toBeGreaterThan(RUNS / 8);
  },
);
