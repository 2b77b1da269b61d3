/** What is counted, and how Prometheus names it: as distribution does where it has a name. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Whether its sums are kept by hour as well. */
  readonly isHourly?: boolean;
}

function counter(name: string, help: string, labels: readonly string[], isHourly = false): Metric {
  return { name, type: 'counter', help, labels, isHourly };
}

function histogram(name: string, help: string, labels: readonly string[]): Metric {
  return { name, type: 'histogram', help, labels };
}

/** Of every histogram, in seconds. */
export const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

const ASKED = ['upstream', 'handler', 'method'];
const PROXY = ['upstream', 'type'];
const STORE = ['upstream', 'store'];

/** The metrics by the id that begins the keys of their series. */
export const METRICS = {
  requests: counter('registry_http_requests_total', 'Requests of clients.', [...ASKED, 'code', 'cache'], true),
  durations: histogram('registry_http_request_duration_seconds', 'Time until a client had the headers of its answer.', [
    ...ASKED,
    'cache',
  ]),
  looks: counter('registry_storage_cache_requests_total', 'Looks into a store.', STORE, true),
  lookHits: counter('registry_storage_cache_hits_total', 'Looks into a store that found what was asked for.', STORE),
  lookFaults: counter('registry_storage_cache_errors_total', 'Looks into a store that failed.', STORE, true),
  lookTimes: histogram('registry_edge_store_duration_seconds', 'Time of a look into a store that is shared.', STORE),
  pulls: counter('registry_proxy_requests_total', 'GETs of content that were answered with it.', PROXY),
  pullHits: counter('registry_proxy_hits_total', 'GETs of content that the edge answered with its own copy.', PROXY),
  pullMisses: counter('registry_proxy_misses_total', 'GETs of content that the origin answered.', PROXY),
  pulledBytes: counter('registry_proxy_pulled_bytes_total', 'Content that the origin sent for GETs.', PROXY),
  pushedBytes: counter('registry_proxy_pushed_bytes_total', 'Content that was sent to clients for GETs.', PROXY),
  forwards: counter(
    'registry_edge_forwards_total',
    'Requests that the cache did not answer, and why, as in Cache-Status.',
    ['upstream', 'reason', 'detail'],
    true,
  ),
  staleHits: counter('registry_edge_stale_hits_total', 'Hits past their window, confirmed afterwards.', ['upstream']),
  collapsed: counter('registry_edge_collapsed_total', 'Answers taken from an identical question.', ['upstream'], true),
  originRequests: counter(
    'registry_edge_origin_requests_total',
    'Requests to the origin and its storage.',
    ['upstream', 'method', 'code'],
    true,
  ),
  originTimes: histogram(
    'registry_edge_origin_request_duration_seconds',
    'Time until the headers of an answer of the origin.',
    ['upstream', 'method'],
  ),
  originWaits: histogram(
    'registry_edge_origin_wait_seconds',
    'Time that a request which was forwarded and answered 200 waited for the origin.',
    ASKED,
  ),
  savedRequests: counter('registry_edge_saved_origin_requests_total', 'Requests the origin was spared.', ASKED, true),
  savedSeconds: counter(
    'registry_edge_saved_origin_seconds_total',
    'Time that clients did not wait for the origin: the mean of registry_edge_origin_wait_seconds for each hit.',
    ASKED,
    true,
  ),
  savedBytes: counter('registry_edge_saved_origin_bytes_total', 'Content the origin was spared.', ASKED, true),
  received: counter(
    'registry_edge_received_bytes_total',
    'Bodies of accepted requests.',
    ['upstream', 'handler'],
    true,
  ),
  sent: counter('registry_edge_sent_bytes_total', 'Announced bodies of answers.', ['upstream', 'handler'], true),
  byteLooks: counter(
    'registry_edge_byte_store_requests_total',
    'Looks into the byte store.',
    ['upstream', 'store', 'outcome'],
    true,
  ),
  fills: counter('registry_edge_fills_total', 'Blobs for the byte store.', ['upstream', 'outcome'], true),
  restores: counter(
    'registry_edge_restores_total',
    'Lost blobs uploaded to the origin.',
    ['upstream', 'outcome'],
    true,
  ),
  writeBacks: counter('registry_edge_write_backs_total', 'Writes of what the origin confirmed.', [
    'upstream',
    'outcome',
  ]),
  clears: counter('registry_edge_clears_total', 'Removals from the store.', ['upstream', 'verb', 'outcome'], true),
  checks: counter('registry_edge_commit_checks_total', 'Manifests that were checked.', ['upstream', 'result'], true),
  checkedBlobs: counter(
    'registry_edge_commit_check_blobs_total',
    'Blobs of the manifests that were checked: known, confirmed by the origin, or gone.',
    ['upstream', 'found'],
    true,
  ),
  heals: counter('registry_edge_heals_total', 'Refused manifests that evicted what they name.', ['upstream'], true),
  policies: counter(
    'registry_edge_policy_decisions_total',
    'Requests that a policy refused or changed.',
    ['upstream', 'policy', 'outcome'],
    true,
  ),
  counted: counter('registry_edge_pulls_total', 'Pulls that the origin counts.', ['upstream', 'outcome'], true),
  tokens: counter('registry_edge_token_requests_total', 'Requests to token servers.', ['upstream', 'outcome'], true),
  breaker: counter('registry_edge_breaker_total', 'Decisions of the circuit breaker.', ['upstream', 'outcome'], true),
  notified: counter('registry_edge_registry_events_total', 'Events of the registry.', ['upstream', 'kind']),
  lost: counter('registry_edge_metrics_lost_batches_total', 'Batches of counts that could not be delivered.', []),
  dropped: counter('registry_edge_metrics_dropped_total', 'Counts that had no room.', []),
} as const satisfies Record<string, Metric>;

export type MetricId = keyof typeof METRICS;

/** Between the id of a metric and the values of its labels, none of which has it. */
export const SEPARATOR = '|';
