import { env } from 'cloudflare:workers';
import type { AnsweredRequest } from '../../src/metrics/countRequest.ts';
import type { Batch } from '../../src/metrics/gathered.ts';
import type { MetricsRpc } from '../../src/metrics/rpc.ts';
import { uniqueName } from './digests.ts';

export const METRICS_TOKEN = 'prometheus-knows-this';
export const SCRAPER = { headers: { authorization: `Bearer ${METRICS_TOKEN}` } };

export type TestMetrics = DurableObjectStub<undefined> & MetricsRpc;

/** Returns an object that no other test has. */
export function metricsObject(): TestMetrics {
  return env.METRICS.get(env.METRICS.idFromName(uniqueName())) as unknown as TestMetrics;
}

/** An object that takes everything at once and has counted nothing. */
export function instantMetrics(): MetricsRpc {
  const nothing = { counters: new Map(), histograms: new Map(), repositories: [], clients: [] };
  const totals = { since: 0, ...nothing };
  return {
    add: async (_isolate, batches) => batches.at(-1)?.sequence ?? 0,
    totals: async () => totals,
    report: async () => ({ ...totals, hours: [], tags: [], slowest: [] }),
  };
}

/** A HEAD of a blob that the cache answered. */
export function answered(more: Partial<AnsweredRequest> = {}): AnsweredRequest {
  return {
    ...{ upstream: '', handler: 'blob', method: 'HEAD', status: 200, ms: 3, startedAt: 0, events: [{ kind: 'hit' }] },
    ...{ receivedBytes: 0, sentBytes: 0, repository: 'team/app', tag: undefined, client: 'docker' },
    ...more,
  };
}

/** A batch with some counters. */
export function batch(sequence: number, counters: Record<string, number> = {}, more: Partial<Batch> = {}): Batch {
  return {
    ...{ sequence, counters: new Map(Object.entries(counters)), histograms: new Map() },
    tops: { repositories: new Map(), tags: new Map(), clients: new Map(), slowest: [] },
    ...more,
  };
}

/** Reads the samples of Prometheus' text format, by name and labels. */
export function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}
