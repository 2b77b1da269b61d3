import fc from 'fast-check';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { STORES, type Store, storeNamed } from '../support/stores.ts';
import { createIssuer } from '../support/tokens.ts';
import type { LawsOptions } from './laws.ts';
import { act } from './moves.ts';
import { type Step, stepsOf } from './steps.ts';
import { idle, Troubles } from './troubles.ts';
import { World } from './world.ts';

const STEPS = 40;
const MOVES_OF_STEP = 2.5;
const LAG_MS = 20_000;

interface Row {
  readonly title: string;
  readonly store: Store;
  readonly lagMs: number;
  readonly deletesSeenBy: LawsOptions['deletesSeenBy'];
}

const SEEN_BY: Readonly<Record<string, LawsOptions['deletesSeenBy']>> = { durable: 'all', redis: 'all' };
const ROWS: readonly Row[] = [
  ...STORES.map((store) => ({ title: store.name, store, lagMs: 0, deletesSeenBy: SEEN_BY[store.name] ?? 'own' })),
  ...(['kv', 'redis'] as const).map((name) => ({
    title: `${name}, which lags`,
    store: storeNamed(name),
    lagMs: LAG_MS,
    deletesSeenBy: name === 'kv' ? ('own' as const) : ('none' as const),
  })),
];

const { moves, seed: firstSeed, path } = inject('model');
// With a path, the seed is the one that a failure has named.
const TABLE = ROWS.filter(({ store }) => store.isAvailable).map((row, n) => ({
  ...row,
  seed: path ? firstSeed : firstSeed + n,
}));

/** Memory takes a move in a twentieth of the time that the other stores need. */
const MEMORY_SHARE = 0.75;
/** In so many runs, everything happens that the laws are about. */
const ENOUGH_RUNS = 50;
/** For each run of a row. */
const RUN_LIMIT_MS = 5_000;
const LEAST_LIMIT_MS = 600_000;

/** Returns how often the steps are drawn for a store. */
function runsOf({ name }: Store): number {
  const share = name === 'memory' ? MEMORY_SHARE : (1 - MEMORY_SHARE) / (TABLE.length - 1);
  return Math.ceil((moves * share) / STEPS / MOVES_OF_STEP);
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** How many moves all tests of this file have made, the last run included. */
let made = 0;

/** Runs all steps; moves of one step begin together, and later steps begin while earlier ones are under way. */
async function run(world: World, scheduler: fc.Scheduler, steps: readonly Step[]): Promise<void> {
  const running: Promise<void>[] = [];
  for (const { ms, moves, tasks } of steps) {
    world.clock.advance(ms);
    made += moves.length;
    for (const move of moves)
      running.push(scheduler.schedule(Promise.resolve(), move.verb).then(() => act(world, move)));
    await idle();
    for (let task = 0; task < tasks && scheduler.count() > 0; task++) await scheduler.waitOne();
  }
  await scheduler.waitFor(Promise.allSettled(running).then(() => world.settle()));
  await Promise.all(running);
  expect(world.violations).toEqual([]);
}

describe.each(TABLE)('no law is broken, whatever happens at the same time', ({ seed, ...row }) => {
  const numRuns = runsOf(row.store);
  it(`cache in ${row.title}`, { timeout: Math.max(LEAST_LIMIT_MS, numRuns * RUN_LIMIT_MS) }, async () => {
    const issuer = await createIssuer();
    const totals: Record<string, number> = {};
    const property = fc.asyncProperty(
      fc.scheduler({ act: (task) => task().then(idle) }),
      stepsOf(STEPS),
      fc.infiniteStream(fc.nat(99)),
      fc.constantFrom(0, 0, 10),
      fc.boolean(),
      async (scheduler, steps, draws, percent, verifies) => {
        const troubles = new Troubles({ scheduler, draw: () => draws.next().value as number, percent });
        const world = await World.create({ ...row, issuer, troubles, verifies });
        try {
          await run(world, scheduler, steps);
        } finally {
          vi.restoreAllMocks();
          for (const { laws, commits } of world.sides) {
            for (const [name, count] of Object.entries({ ...laws.tally, ...commits.tally })) {
              totals[name] = (totals[name] ?? 0) + count;
            }
          }
        }
      },
    );
    await fc.assert(property, { seed, ...(path && { path }), numRuns, endOnFailure: true }).catch((cause) => {
      throw new Error(`a law is broken after ${made} moves: ${cause.message}`, { cause });
    });
    if (path) return;
    // Without answers of the cache, and wrong ones among them, the laws would hold trivially.
    const { asked = 0, hits = 0, lies = 0, askedGone = 0, refused = 0 } = totals;
    expect(hits).toBeGreaterThan(asked / 10);
    if (numRuns >= ENOUGH_RUNS) expect(Math.min(lies, askedGone, refused)).toBeGreaterThan(0);
    console.info(`${row.title}: ${numRuns} runs of ${STEPS} steps, seed ${seed}: ${JSON.stringify(totals)}`);
  });
});
