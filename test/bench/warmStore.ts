import { randomUUID } from 'node:crypto';
import { basic } from '../e2e/support/http.ts';
import { startRedis } from '../e2e/support/redis.ts';
import { withCpu } from './cpu.ts';
import type { LoadResult } from './load.ts';
import { serveOnMiniflare } from './miniflare.ts';
import { type Origin, startOrigin } from './origin.ts';
import { startRecorder } from './recorder.ts';
import { type Figure, figureOf, type Report } from './report.ts';
import { runRounds } from './rounds.ts';
import { BUNDLE, barePath, CONNECTIONS, type Settings } from './settings.ts';
import { constantHeaders, loadWarm, type WarmBlob, warmUp } from './warm.ts';
import { type Served, serveOnWorkerd } from './workerd.ts';

export const VARIABLES = { CLIENT_AUTH: 'origin', PUSH_EXISTENCE_TTL: '1h', LOG_LEVEL: 'warn' } as const;

/**
 * Measures a warm HEAD from Redis, of a caller that may push, against a handler that sends the same request to the
 * store.
 */
export async function warmRedis(row: string, { rounds, seconds }: Settings): Promise<Report> {
  const origin = await startOrigin();
  const { edge, other } = await serveWarmRedis(origin);
  const loadOf = ({ url, process }: Served) => withCpu(process.pid, () => loadOfNewCaller(url, origin, seconds));
  const results = await runRounds(rounds, { edge: () => loadOf(edge), other: () => loadOf(other) });
  const about = { row, against: 'bare handler', measure: 'CPU, µs a HEAD' };
  return {
    figures: [...figuresOf(row, results), figureOf(about, results, ({ cpuMicroseconds }) => cpuMicroseconds)],
  };
}

/**
 * Measures the same from KV, against a handler that reads the same two keys; both run on miniflare, which simulates KV.
 */
export async function warmKv(row: string, { rounds, seconds }: Settings): Promise<Report> {
  const origin = await startOrigin();
  const bindings = { ...VARIABLES, ORIGIN_URL: origin.url, BLOBDESCRIPTOR: 'kv' };
  const {
    urls: [url = ''],
    descriptors,
  } = await serveOnMiniflare({ script: BUNDLE, bindings });
  const HEADERS = constantHeaders(await warmUp(blobOfNewCaller(url, origin)));
  const [stored] = (await descriptors.list()).keys;
  if (!stored) throw new Error('the edge has written nothing to KV');
  const KEYS = [stored.name, `cleared::${stored.name}`];
  const other = await serveOnMiniflare({ script: barePath('kv.js'), bindings: { HEADERS, KEYS }, hasObjects: false });
  await other.descriptors.put(stored.name, (await descriptors.get(stored.name)) ?? '');

  const results = await runRounds(rounds, {
    edge: () => loadOfNewCaller(url, origin, seconds),
    other: () => loadOfNewCaller(other.urls[0] ?? '', origin, seconds),
  });
  return { figures: figuresOf(row, results) };
}

/** Puts load on a server by a caller that it does not know yet. */
export async function loadOfNewCaller(url: string, origin: Origin, seconds: number): Promise<LoadResult> {
  const blob = blobOfNewCaller(url, origin);
  await warmUp(blob);
  return loadWarm(blob, { seconds, connections: CONNECTIONS });
}

export function figuresOf(row: string, results: { edge: LoadResult[]; other: LoadResult[] }): Figure[] {
  const about = { row, against: 'bare handler' };
  return [
    figureOf({ ...about, measure: 'HEADs/s', target: { atLeast: 0.9 } }, results, ({ perSecond }) => perSecond),
    figureOf({ ...about, measure: 'p50, ms' }, results, ({ p50Ms }) => p50Ms),
  ];
}

/**
 * Starts an edge that has the origin's blob in Redis, and a handler that sends the same request to Redis. That request
 * is recorded at a second edge, so that the handler follows every change of the edge.
 * @param bundle the path of the edge's build
 */
export async function serveWarmRedis(
  origin: Origin,
  isInspected = false,
  bundle = BUNDLE,
): Promise<{ edge: Served; other: Served }> {
  const { variables: redis } = await startRedis();
  const { UPSTASH_REDIS_REST_URL: storeUrl = '' } = redis;
  const variables = { ...VARIABLES, ...redis, ORIGIN_URL: origin.url, BLOBDESCRIPTOR: 'redis' };
  const edge = await serveOnWorkerd({ script: bundle, bindings: variables, isInspected });

  const recorder = await startRecorder(storeUrl);
  const recorded = { ...variables, UPSTASH_REDIS_REST_URL: recorder.url };
  const second = await serveOnWorkerd({ script: bundle, bindings: recorded });
  const HEADERS = constantHeaders(await warmUp(blobOfNewCaller(second.url, origin)));
  const { path, headers, body } = recorder.last();
  const LOOKUP = { url: storeUrl + path, headers, body };
  const other = await serveOnWorkerd({ script: barePath('redis.js'), bindings: { HEADERS, LOOKUP }, isInspected });
  return { edge, other };
}

/** The blob for a new caller, since a grant lasts one minute from the first HEAD and hits do not renew it. */
export function blobOfNewCaller(url: string, { path, requestCount }: Origin): WarmBlob {
  return { url: url + path, requestCount, headers: basic(`caller-${randomUUID()}`, 'secret') };
}
