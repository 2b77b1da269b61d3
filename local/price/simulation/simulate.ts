import { type Cost, type KnownStore, sumOf, times } from '../costs.ts';
import { costOfPush, requestsOfPull, requestsOfPush } from '../load.ts';
import { Clients, NOTHING_ASKED, type Tallies, type Tally } from './clients.ts';
import { costOf, noCalls } from './counted.ts';
import { createEdges } from './edges.ts';
import { SimulatedRegistry } from './registry.ts';
import { createTraffic, type Shape } from './traffic.ts';

/** What was counted after the warm-up. */
export interface Simulated {
  readonly tallies: Tallies;
  /** All requests of clients, also those that only pass. */
  readonly requests: number;
  /** What the origin was asked because of questions. */
  readonly originQuestions: number;
  /** In the store. */
  readonly cost: Cost;
  readonly countedMs: number;
}

export interface SimulationOptions {
  readonly shape: Shape;
  readonly store: KnownStore;
  readonly isolates: number;
  /** Variables of the edge, such as `TAG_TTL`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The first part of the traffic fills the cache, and is not counted. */
const WARM_UP = 1 / 3;
/** Any time will do, but not the beginning of time. */
const BEGINNING = Date.UTC(2026, 0, 1);

/** Sends a traffic through isolates of the real edge, with stores in memory and a clock that is turned. */
export async function simulate({ shape, store, isolates, variables }: SimulationOptions): Promise<Simulated> {
  const origin = new SimulatedRegistry(shape.layers);
  const { jobs, lengthMs } = createTraffic(shape);
  const calls = noCalls();
  let now = BEGINNING;
  const edges = createEdges({ isolates, variables, store, now: () => now }, calls);
  const clients = new Clients(edges, origin, shape);
  const counted = jobs.filter(({ at }) => at >= lengthMs * WARM_UP);
  if (counted.length === 0) {
    throw new Error(
      '--requests: nobody would pull or push in the simulated time: raise it, or --sample, or lower --fleet',
    );
  }
  let before = { calls: noCalls(), requests: 0, tallies: NOTHING_ASKED };
  await withNetwork(origin.fetch, async () => {
    for (const job of jobs) {
      now = BEGINNING + Math.round(job.at);
      if (job === counted[0]) before = { calls: { ...calls }, requests: origin.requests, tallies: clients.tallies };
      await clients.do(job);
    }
  });
  const pushes = counted.filter(({ kind }) => kind === 'push').length;
  const pulls = counted.length - pushes;
  return {
    tallies: {
      pull: less<Tally>(clients.tallies.pull, before.tallies.pull),
      push: less<Tally>(clients.tallies.push, before.tallies.push),
    },
    requests: pulls * requestsOfPull(shape.layers) + pushes * requestsOfPush(shape.layers),
    originQuestions: origin.requests - before.requests,
    cost: sumOf(costOf(store, less(calls, before.calls)), times(costOfPush(store, shape.layers), pushes)),
    countedMs: lengthMs * (1 - WARM_UP),
  };
}

/** Lets the edge reach something in place of the network meanwhile. */
async function withNetwork(fetch: typeof globalThis.fetch, work: () => Promise<void>): Promise<void> {
  const own = globalThis.fetch;
  globalThis.fetch = fetch;
  try {
    await work();
  } finally {
    globalThis.fetch = own;
  }
}

/** Subtracts what was counted before. */
function less<T extends object>(all: T, before: T): T {
  const earlier = before as Record<string, number>;
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, value - (earlier[key] ?? 0)])) as T;
}
