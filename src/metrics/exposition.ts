import type { Histogram } from './counts.ts';
import { BUCKETS, METRICS, type Metric, type MetricId, SEPARATOR } from './metrics.ts';
import type { Ranked, Totals } from './rpc.ts';

/** The type of Prometheus' text format. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface Exposed extends Totals {
  readonly version: string;
  /** How many pulls are left, by the alias of the upstream. */
  readonly pullsLeft: ReadonlyMap<string, number>;
}

/** Writes all counts as Prometheus reads them. */
export function exposition(exposed: Exposed): string {
  const { counters, histograms } = exposed;
  const families = (Object.entries(METRICS) as [MetricId, Metric][]).map(([id, metric]) => {
    if (metric.type === 'histogram') {
      return family(
        metric,
        seriesOf(id, histograms).flatMap(([labels, values]) => histogramLines(metric, labels, values)),
      );
    }
    return family(
      metric,
      seriesOf(id, counters).map(([labels, value]) => sample(metric.name, metric.labels, labels, value)),
    );
  });
  return [...families, ...gauges(exposed)].join('');
}

function gauges({ since, version, pullsLeft, repositories, clients }: Exposed): string[] {
  const gauge = (
    name: string,
    help: string,
    labels: readonly string[],
    values: readonly (readonly [string[], number])[],
  ) =>
    family(
      { name, help, type: 'gauge', labels },
      values.map(([of, value]) => sample(name, labels, of, value)),
    );
  return [
    gauge('registry_edge_build_info', 'The version of the edge.', ['version'], [[[version], 1]]),
    gauge('registry_edge_metrics_start_time_seconds', 'When these counts began.', [], [[[], since / 1_000]]),
    gauge(
      'registry_edge_pulls_left',
      'Pulls that the origin still allows.',
      ['upstream'],
      [...pullsLeft].map(([alias, left]) => [[alias], left] as const),
    ),
    gauge(
      'registry_edge_repository_requests',
      'Requests for the 100 most wanted repositories, in a day or two.',
      ['upstream', 'repository'],
      ranked(repositories, splitAlias),
    ),
    gauge(
      'registry_edge_client_requests',
      'Requests but HEADs of the 100 most active clients, in a day or two.',
      ['client'],
      ranked(clients, (client) => [client]),
    ),
  ];
}

function ranked(list: readonly Ranked[], labelsOf: (key: string) => string[]) {
  return list.map(([key, count]) => [labelsOf(key), count] as const);
}

/** Aliases have no space. */
function splitAlias(key: string): string[] {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}

/** Returns the series of a metric with the values of their labels, sorted. */
function seriesOf<V>(id: MetricId, all: ReadonlyMap<string, V>): [labels: string[], value: V][] {
  const prefix = id + SEPARATOR;
  const own = [...all].filter(([key]) => key.startsWith(prefix)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return own.map(([key, value]) => [key.slice(prefix.length).split(SEPARATOR), value]);
}

function family({ name, type, help }: Metric, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function histogramLines(
  { name, labels }: Metric,
  values: readonly string[],
  [sum = 0, ...counts]: Histogram,
): string[] {
  let below = 0;
  const buckets = counts.map((count, at) => {
    below += count;
    return sample(`${name}_bucket`, [...labels, 'le'], [...values, String(BUCKETS[at] ?? '+Inf')], below);
  });
  return [...buckets, sample(`${name}_sum`, labels, values, sum), sample(`${name}_count`, labels, values, below)];
}

function sample(name: string, labels: readonly string[], values: readonly string[], value: number): string {
  const pairs = labels.map((label, at) => `${label}="${escaped(values[at] ?? '')}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
