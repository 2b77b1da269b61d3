import { decisionOf, timesOf } from '../telemetry/headers.ts';
import { type AnsweredRequest, outcomeOf } from './countRequest.ts';

/** The binding `ANALYTICS`: a data set of Analytics Engine, which samples where there is much. */
export interface AnalyticsDataset {
  writeDataPoint(point: {
    readonly indexes: readonly string[];
    readonly blobs: readonly string[];
    readonly doubles: readonly number[];
  }): void;
}

/** Writes one row for a request. docs/metrics.md describes the columns. */
export function writeRequest(dataset: AnalyticsDataset, request: AnsweredRequest): void {
  const {
    upstream,
    handler,
    method,
    status,
    ms,
    events,
    receivedBytes,
    sentBytes,
    repository = '',
    client = '',
  } = request;
  const decision = decisionOf(events);
  const { cacheMs = 0, originMs = 0, tokenMs = 0 } = timesOf(events);
  const originRequests = events.filter(({ kind }) => kind === 'origin').length;
  dataset.writeDataPoint({
    // Sampling keeps all upstreams: it is done for each index apart.
    indexes: [upstream],
    blobs: [
      ...[upstream, handler, method, String(status), outcomeOf(decision)],
      ...[decision.forward?.detail ?? '', decision.byteStore || decision.store, repository, client],
    ],
    doubles: [ms, cacheMs, originMs, tokenMs, originRequests, receivedBytes, sentBytes],
  });
}
