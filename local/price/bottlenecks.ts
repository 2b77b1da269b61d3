import type { KnownStore } from './costs.ts';
import type { Load } from './load.ts';
import { DAYS_A_MONTH, LIMITS, SECONDS_A_MONTH, type Unit } from './prices.ts';
import { freeTimes, type Usage } from './usage.ts';

/** How uneven the load is. */
export interface Unevenness {
  /** How many times the mean the busiest hour has. */
  readonly peak: number;
  /** The share of the busiest repository, from 0 to 1. */
  readonly busiest: number;
}

/** A bound of the platform. */
export interface Bottleneck {
  readonly what: string;
  /** At how many times this load it is reached; below 1 it is exceeded. */
  readonly times: number;
}

const UNIT_NAMES: Readonly<Record<Unit, string>> = {
  workersRequests: 'requests to Workers',
  kvReads: 'reads of KV',
  kvWrites: 'writes of KV',
  objectRequests: 'requests to Durable Objects',
  rowReads: 'rows read',
  rowWrites: 'rows written',
  redisCommands: 'commands of Redis',
  bucketReads: 'reads of R2',
  bucketPuts: 'puts of R2',
};

/** Besides the HEADs of blobs: the look into the store, the manifest, and the writes of what it is and where it is. */
const OWN_SUBREQUESTS = 5;

/** Returns what the paid plans bear. @returns `undefined`: a store without a bound of its own */
export function nextBottleneck(
  store: KnownStore,
  { layers }: Load,
  usage: Usage,
  { peak, busiest }: Unevenness,
): Bottleneck | undefined {
  const aSecond = (count = 0) => (count * peak) / SECONDS_A_MONTH;
  const ofBusiest = `of the repository that has ${percent(busiest)}`;
  switch (store) {
    case 'durable': {
      const limit = LIMITS.objectRequestsASecond;
      // Content has objects of its own. Their requests are counted as if they were the repository's: it bears no less.
      const what = `${limit.toLocaleString('en')} requests/s to the object ${ofBusiest}`;
      return { what, times: limit / (aSecond(usage.objectRequests) * busiest) };
    }
    case 'kv': {
      // Its writes are those of the manifest, the config and the layers alike.
      const ofKey = (aSecond(usage.kvWrites) * busiest) / (layers + 2);
      return { what: `1 write/s for a key ${ofBusiest}`, times: LIMITS.kvWritesASecondForAKey / ofKey };
    }
    case 'redis': {
      const limit = LIMITS.redisCommandsASecond;
      const what = `${limit.toLocaleString('en')} commands/s of a database`;
      return { what, times: limit / aSecond(usage.redisCommands) };
    }
    case 'memory':
      return undefined;
  }
}

/** Returns what ends the free plans, and at how many times this load. */
export function freePlanOf(usage: Usage): Bottleneck {
  const aDay = Object.fromEntries(Object.entries(usage).map(([unit, count]) => [unit, count / DAYS_A_MONTH]));
  const { times, unit } = freeTimes(aDay);
  return { what: UNIT_NAMES[unit], times };
}

/** Says how many requests a push sends at its manifest, if no blob of it is confirmed. */
export function subrequestsText({ layers }: Load): string {
  const { free, paid } = LIMITS.subrequests;
  const blobs = layers + 1;
  const needed = blobs + OWN_SUBREQUESTS;
  const verdict = needed > free ? 'too many on free plans' : 'enough on free plans, too';
  const bounds = `of ${free} on free plans and ${paid.toLocaleString('en')} on paid ones: ${verdict}`;
  // What is written to Redis for each blob is a request of its own.
  return `A push of ${layers} layers sends up to ${needed} subrequests at its manifest (with Redis ${needed + blobs}), ${bounds}.`;
}

export function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}
