import { withCpu } from './cpu.ts';
import { startOrigin } from './origin.ts';
import { figureOf, type Report } from './report.ts';
import { runRounds } from './rounds.ts';
import { BUNDLE, CONNECTIONS, type Settings } from './settings.ts';
import { loadWarm, warmUp } from './warm.ts';
import { type Served, serveOnWorkerd } from './workerd.ts';

/** Measures what it costs a warm HEAD from memory that everything is counted, against the same edge without. */
export async function warmMetrics(row: string, { rounds, seconds }: Settings): Promise<Report> {
  const origin = await startOrigin();
  const bindings = {
    ORIGIN_URL: origin.url,
    BLOBDESCRIPTOR: 'inmemory',
    CLIENT_AUTH: 'anonymous',
    DESCRIPTOR_TTL: '7d',
    LOG_LEVEL: 'warn',
  };
  const counted = { ...bindings, METRICS_TOKEN: 'prometheus-knows-this' };
  const edge = await serveOnWorkerd({ script: BUNDLE, bindings: counted, objects: { METRICS: 'MetricsObject' } });
  const other = await serveOnWorkerd({ script: BUNDLE, bindings });
  const load = ({ url, process }: Served) =>
    withCpu(process.pid, () =>
      loadWarm({ url: url + origin.path, requestCount: origin.requestCount }, { seconds, connections: CONNECTIONS }),
    );
  for (const { url } of [edge, other]) await warmUp({ url: url + origin.path });
  const results = await runRounds(rounds, { edge: () => load(edge), other: () => load(other) });
  const about = { row, against: 'edge that counts nothing' };
  return {
    figures: [
      figureOf({ ...about, measure: 'HEADs/s', target: { atLeast: 0.97 } }, results, ({ perSecond }) => perSecond),
      figureOf({ ...about, measure: 'CPU, µs a HEAD' }, results, ({ cpuMicroseconds }) => cpuMicroseconds),
    ],
  };
}
