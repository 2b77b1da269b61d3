import type { EdgeEvent } from '../telemetry/events.ts';
import { type Decision, decisionOf, timesOf } from '../telemetry/headers.ts';
import type { Gathered } from './gathered.ts';

/** A request that was answered. */
export interface AnsweredRequest {
  /** The alias of the upstream. */
  readonly upstream: string;
  readonly handler: Handler;
  readonly method: string;
  readonly status: number;
  /** Until its headers were ready. */
  readonly ms: number;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly events: readonly EdgeEvent[];
  /** The bodies, as far as their length is known. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly repository: string | undefined;
  readonly tag: string | undefined;
  /** Who asked: a user, the subject of a token, or a kind of client. */
  readonly client: string;
}

/** The resource that was asked for, by the names of distribution, and `referrers`, `edge` and `other` besides. */
export type Handler =
  | 'base'
  | 'blob'
  | 'blob_upload'
  | 'blob_upload_chunk'
  | 'catalog'
  | 'manifest'
  | 'referrers'
  | 'tags'
  | 'edge'
  | 'other';

/** What is counted of a request as a whole, once it is answered. */
export function countRequest({ counts, tops }: Gathered, request: AnsweredRequest): void {
  const { upstream, handler, method, status, ms, events, receivedBytes, sentBytes } = request;
  const decision = decisionOf(events);
  const cache = outcomeOf(decision);
  const asked = `${upstream}|${handler}|${methodLabel(method)}`;
  counts.add('requests', `${asked}|${status}|${cache}`);
  counts.observe('durations', `${asked}|${cache}`, ms);
  if (receivedBytes > 0 && status < 400) counts.add('received', `${upstream}|${handler}`, receivedBytes);
  if (sentBytes > 0) counts.add('sent', `${upstream}|${handler}`, sentBytes);
  countDecision({ counts, tops }, request, decision, asked);
  if (method === 'GET' && (handler === 'blob' || handler === 'manifest') && (status === 200 || status === 206)) {
    countPull({ counts, tops }, request, decision);
  }
  tops.note(request, cache);
}

/** How the cache answered, in the words of `Cache-Status`; `unproven` apart, and `none` where it was not asked. */
export function outcomeOf({ hit, forward }: Pick<Decision, 'hit' | 'forward'>): string {
  if (hit) return 'hit';
  if (forward?.detail === 'unproven' || forward?.detail === 'identity') return 'unproven';
  return forward?.reason ?? 'none';
}

function countDecision(
  { counts }: Gathered,
  { upstream, status, events, sentBytes }: AnsweredRequest,
  { hit, forward, isCollapsed, byteStore }: Decision,
  asked: string,
): void {
  if (hit) {
    if (hit.staleMs !== undefined) counts.add('staleHits', upstream);
    else counts.add('savedRequests', asked);
    // What it is worth is known where the times of all isolates are.
    counts.add('savedSeconds', asked);
  } else if (forward) {
    counts.add('forwards', `${upstream}|${forward.reason}|${forward.detail ?? ''}`);
    if (isCollapsed) counts.add('savedRequests', asked);
    const { originMs } = timesOf(events);
    if (status === 200 && originMs !== undefined) counts.observe('originWaits', asked, originMs);
  }
  if (sentBytes > 0 && (hit || byteStore)) counts.add('savedBytes', asked, sentBytes);
}

/** Counts a GET of content as a pull-through cache does. */
function countPull({ counts }: Gathered, { upstream, handler, sentBytes }: AnsweredRequest, decision: Decision): void {
  const labels = `${upstream}|${handler}`;
  const isHit = decision.hit !== undefined || decision.byteStore !== '';
  counts.add('pulls', labels);
  counts.add(isHit ? 'pullHits' : 'pullMisses', labels);
  if (sentBytes === 0) return;
  counts.add('pushedBytes', labels, sentBytes);
  if (!isHit) counts.add('pulledBytes', labels, sentBytes);
}

const METHOD_LABELS: Readonly<Record<string, string>> = {
  ...{ GET: 'get', HEAD: 'head', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete', OPTIONS: 'options' },
};

function methodLabel(method: string): string {
  return METHOD_LABELS[method] ?? 'other';
}
