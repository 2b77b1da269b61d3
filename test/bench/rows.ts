import { bytesFill, bytesHit } from './bytes.ts';
import { cold } from './cold.ts';
import { coldStart } from './coldStart.ts';
import { FLOOR_ROWS } from './journeys/floor.ts';
import { JOURNEY_ROWS } from './journeys/journeys.ts';
import { registries } from './registries.ts';
import type { Report } from './report.ts';
import type { Settings } from './settings.ts';
import { freshTokens } from './tokens.ts';
import type { Tool } from './tools.ts';
import { durableKv, durableRows, warmDurable } from './warmDurable.ts';
import { warmMemory } from './warmMemory.ts';
import { warmMetrics } from './warmMetrics.ts';
import { warmKv, warmRedis } from './warmStore.ts';

export interface Row {
  /** The tools without which the row is skipped. */
  readonly needs: readonly Tool[];
  /** Whether it takes so long that it is measured only if it is named. */
  readonly hasToBeNamed?: boolean;
  run(name: string, settings: Settings): Promise<Report>;
}

/** The rows by name, in the order of the table. */
export const ROWS: Readonly<Record<string, Row>> = {
  'warm-memory': { needs: ['hey'], run: (name, settings) => warmMemory(name, 'warn', settings) },
  'warm-memory-logged': { needs: ['hey'], run: (name, settings) => warmMemory(name, 'info', settings) },
  'warm-metrics': { needs: ['hey'], run: warmMetrics },
  'warm-redis': { needs: ['hey', 'redis-server'], run: warmRedis },
  'warm-durable': { needs: ['hey'], run: warmDurable },
  'warm-kv': { needs: ['hey'], run: warmKv },
  'durable-kv': { needs: ['hey'], run: durableKv },
  'durable-rows': { needs: [], run: durableRows },
  'cold-memory': {
    needs: ['docker-registry'],
    run: (name, settings) => cold(name, { backend: 'inmemory', blobs: 150 }, settings),
  },
  'cold-unproven': {
    needs: ['docker-registry'],
    run: (name, settings) => cold(name, { backend: 'inmemory', isUnproven: true, blobs: 150 }, settings),
  },
  'cold-redis-far': {
    needs: ['docker-registry', 'redis-server'],
    run: (name, settings) => cold(name, { backend: 'redis', isDistant: true, blobs: 40 }, settings),
  },
  'bytes-hit': { needs: [], run: bytesHit },
  'bytes-fill': { needs: [], run: bytesFill },
  'token-fresh': { needs: [], run: freshTokens },
  registries: { needs: ['docker-registry', 'hey', 'nginx', 'redis-server', 'registry'], run: registries },
  'cold-start': { needs: [], run: coldStart },
  ...JOURNEY_ROWS,
  ...FLOOR_ROWS,
};
