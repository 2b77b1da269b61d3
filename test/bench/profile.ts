import { basename } from 'node:path';
import { inProject } from '../e2e/support/project.ts';
import { bundle } from './bundle.ts';
import { attach } from './inspector.ts';
import { startOrigin } from './origin.ts';
import { table } from './report.ts';
import { CONNECTIONS, type Settings } from './settings.ts';
import { loadWarm, type WarmBlob, warmUp } from './warm.ts';
import { serveWarmDurable } from './warmDurable.ts';
import { serveWarmMemory } from './warmMemory.ts';
import { blobOfNewCaller, serveWarmRedis } from './warmStore.ts';
import type { Served } from './workerd.ts';

const SAMPLE_MICROSECONDS = 200;
const MAX_LINES = 25;

/**
 * The part of a CPU profile that is used: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile
 */
interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples: readonly number[];
  /** The time since the last sample, in microseconds, one for each sample. */
  readonly timeDeltas: readonly number[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/**
 * Profiles a warm HEAD by function, at the edge and in the bare handler, from memory, from Redis and from a Durable
 * Object. `(program)` is workerd itself, HTTP and sockets; `(idle)` is left out.
 * @returns tables of microseconds a request
 */
export async function profileWarm({ seconds }: Settings): Promise<string> {
  const unminified = await bundle(inProject('src/index.ts'), false);
  const origin = await startOrigin();
  const memory = await serveWarmMemory(origin, 'warn', { isInspected: true }, unminified);
  const blobOf = ({ url }: Served): WarmBlob => ({ url: url + origin.path, requestCount: origin.requestCount });
  const inMemory = profilesTable(
    await profileOf(memory.edge, blobOf(memory.edge), seconds),
    await profileOf(memory.other, blobOf(memory.other), seconds),
  );
  const redis = await serveWarmRedis(origin, true, unminified);
  const inRedis = profilesTable(
    await profileOf(redis.edge, blobOfNewCaller(redis.edge.url, origin), seconds),
    await profileOf(redis.other, blobOfNewCaller(redis.other.url, origin), seconds),
  );
  const durable = await serveWarmDurable(origin, true, unminified);
  const inObject = profilesTable(
    await profileOf(durable.edge, blobOfNewCaller(durable.edge.url, origin), seconds),
    await profileOf(durable.other, blobOfNewCaller(durable.other.url, origin), seconds),
  );
  return [
    ...['A warm HEAD from memory:', inMemory, 'A warm HEAD from Redis:', inRedis],
    ...['A warm HEAD from a Durable Object:', inObject],
  ].join('\n\n');
}

/** @returns the microseconds a request that each function itself took */
async function profileOf(served: Served, blob: WarmBlob, seconds: number): Promise<Map<string, number>> {
  const how = { seconds, connections: CONNECTIONS };
  await warmUp(blob);
  await loadWarm(blob, how);
  const debug = await attach(served.inspectorUrl ?? '');
  await debug('Profiler.enable');
  await debug('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
  await debug('Profiler.start');
  const { responses } = await loadWarm(blob, how);
  const { profile } = (await debug('Profiler.stop')) as { profile: Profile };

  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const micros = new Map<string, number>();
  for (const [index, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '';
    if (name === '(idle)') continue;
    micros.set(name, (micros.get(name) ?? 0) + (profile.timeDeltas[index] ?? 0) / responses);
  }
  return micros;
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  return functionName || (url ? `(anonymous) ${basename(url)}:${lineNumber + 1}` : '(anonymous) of workerd');
}

function profilesTable(edge: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): string {
  const names = [...new Set([...edge.keys(), ...other.keys()])];
  const largest = names.toSorted((a, b) => (edge.get(b) ?? 0) - (edge.get(a) ?? 0)).slice(0, MAX_LINES);
  const cell = (profile: ReadonlyMap<string, number>, name: string) => (profile.get(name) ?? 0).toFixed(1);
  const total = (profile: ReadonlyMap<string, number>) => [...profile.values()].reduce((sum, own) => sum + own, 0);
  return table(
    ['function', 'edge, µs', 'bare handler, µs'],
    [
      ...largest.map((name) => [`\`${name}\``, cell(edge, name), cell(other, name)]),
      ['all of them', total(edge).toFixed(1), total(other).toFixed(1)],
    ],
  );
}
