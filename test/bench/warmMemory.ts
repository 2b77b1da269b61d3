import { withCpu } from './cpu.ts';
import { pausesMs, pausesText } from './gc.ts';
import type { LoadResult } from './load.ts';
import { type Origin, startOrigin } from './origin.ts';
import { figureOf, numberText, type Report } from './report.ts';
import { medianOf, runRounds } from './rounds.ts';
import { BUNDLE, barePath, CONNECTIONS, type Settings } from './settings.ts';
import { constantHeaders, loadWarm, warmUp } from './warm.ts';
import { type Served, serveOnWorkerd, type WorkerOptions } from './workerd.ts';

type LogLevel = 'info' | 'warn';
type Observation = Pick<WorkerOptions, 'tracesGc' | 'isInspected'>;

const FIXED_PER_SECOND = 2_000;
/**
 * So few that each has 10 ms from one request to the next: a pause then delays requests but does not reduce the rate.
 */
const FIXED_CONNECTIONS = 20;

/**
 * Measures a warm HEAD from memory, of a caller that only pulls, against a handler that answers a constant.
 * @param logLevel with `info`, the Worker's default, the edge and the bare handler write a line for every request
 */
export async function warmMemory(row: string, logLevel: LogLevel, settings: Settings): Promise<Report> {
  const { rounds, seconds } = settings;
  const origin = await startOrigin();
  const blobOf = ({ url }: Served) => ({ url: url + origin.path, requestCount: origin.requestCount });
  const loadFully = (served: Served) =>
    withCpu(served.process.pid, () => loadWarm(blobOf(served), { seconds, connections: CONNECTIONS }));
  const full = await serveWarmMemory(origin, logLevel);
  const atFull = await runRounds(rounds, { edge: () => loadFully(full.edge), other: () => loadFully(full.other) });

  async function loadAtFixedRate(served: Served): Promise<Traced> {
    const before = pausesMs(await served.log()).length;
    const how = { seconds, connections: FIXED_CONNECTIONS, perSecond: FIXED_PER_SECOND };
    const result = await loadWarm(blobOf(served), how);
    return { ...result, pausesMs: pausesMs(await served.log()).slice(before) };
  }
  const traced = await serveWarmMemory(origin, logLevel, { tracesGc: true });
  const atFixed = await runRounds(rounds, {
    edge: () => loadAtFixedRate(traced.edge),
    other: () => loadAtFixedRate(traced.other),
  });

  const about = { row, against: 'bare handler' };
  return {
    figures: [
      figureOf({ ...about, measure: 'HEADs/s', target: { atLeast: 0.9 } }, atFull, ({ perSecond }) => perSecond),
      figureOf({ ...about, measure: 'p50, ms', target: { atMost: 1.3 } }, atFull, ({ p50Ms }) => p50Ms),
      figureOf({ ...about, measure: 'CPU, µs a HEAD' }, atFull, ({ cpuMicroseconds }) => cpuMicroseconds),
      figureOf({ ...about, measure: `p99, ms, at ${FIXED_PER_SECOND}/s` }, atFixed, ({ p99Ms }) => p99Ms),
    ],
    notes: [
      `\`${row}\`: garbage collection in ${rounds} × ${seconds} s at ${FIXED_PER_SECOND}/s: edge ${tracedText(atFixed.edge)}; ` +
        `bare handler ${tracedText(atFixed.other)}.`,
    ],
  };
}

interface Traced extends LoadResult {
  readonly pausesMs: readonly number[];
}

function tracedText(results: readonly Traced[]): string {
  const reached = numberText(medianOf(results.map(({ perSecond }) => perSecond)));
  return `${pausesText(results.flatMap((result) => result.pausesMs))} (${reached}/s reached)`;
}

/**
 * Starts an edge that has the origin's blob in memory, and a handler that answers the same.
 * @param bundle the path of the edge's build
 */
export async function serveWarmMemory(
  origin: Origin,
  logLevel: LogLevel,
  observation: Observation = {},
  bundle = BUNDLE,
): Promise<{ edge: Served; other: Served }> {
  const variables = {
    ORIGIN_URL: origin.url,
    BLOBDESCRIPTOR: 'inmemory',
    CLIENT_AUTH: 'anonymous',
    DESCRIPTOR_TTL: '7d',
    LOG_LEVEL: logLevel,
  };
  const edge = await serveOnWorkerd({ script: bundle, bindings: variables, ...observation });
  const HEADERS = constantHeaders(await warmUp({ url: edge.url + origin.path }));
  const bindings = { HEADERS, LOGS: logLevel === 'info' };
  const other = await serveOnWorkerd({ script: barePath('constant.js'), bindings, ...observation });
  return { edge, other };
}
