import type { EdgeEvent } from '../telemetry/events.ts';
import { type Decision, decisionOf, timesOf } from '../telemetry/headers.ts';
import { entryOf, observe } from './counts.ts';
import type { Gathered } from './gathered.ts';

type Hit = NonNullable<Decision['hit']>;

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
  /** Who asked: a user, the subject of a token, or a kind of client. It may be absent with a HEAD. */
  readonly client: string | undefined;
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
export function countRequest(gathered: Gathered, request: AnsweredRequest): void {
  const { upstream, handler, method, status, ms, events, receivedBytes, sentBytes } = request;
  const { counts, tops } = gathered;
  const decision = decisionOf(events);
  const cache = outcomeOf(decision);
  const asked = askedLabels(handler, method);
  const { all, durations } = gathered.alike(upstream, asked, status, cache);
  all.n += 1;
  observe(durations, ms);
  if (receivedBytes > 0 && status < 400) counts.add('received', `${upstream}|${handler}`, receivedBytes);
  if (sentBytes > 0) counts.add('sent', `${upstream}|${handler}`, sentBytes);
  if (decision.hit) countHit(gathered, request, decision.hit, asked);
  else if (decision.forward) countForward(gathered, request, decision, asked);
  if (sentBytes > 0 && (decision.hit || decision.byteStore))
    counts.add('savedBytes', `${upstream}|${asked}`, sentBytes);
  const isContent = handler === 'blob' || handler === 'manifest';
  if (method === 'GET' && isContent && (status === 200 || status === 206)) countPull(gathered, request, decision);
  tops.note(request, cache);
}

/** How the cache answered, in the words of `Cache-Status`; `unproven` apart, and `none` where it was not asked. */
export function outcomeOf({ hit, forward }: Pick<Decision, 'hit' | 'forward'>): string {
  if (hit) return 'hit';
  if (forward?.detail === 'unproven' || forward?.detail === 'identity') return 'unproven';
  return forward?.reason ?? 'none';
}

function countHit(gathered: Gathered, { upstream }: AnsweredRequest, { staleMs }: Hit, asked: string): void {
  const { requests, seconds } = gathered.savedBy(upstream, asked);
  // What it is worth is known where the times of all isolates are.
  seconds.n += 1;
  if (staleMs === undefined) requests.n += 1;
  else gathered.counts.add('staleHits', upstream);
}

function countForward(
  gathered: Gathered,
  { upstream, status, events }: AnsweredRequest,
  { forward, isCollapsed }: Decision,
  asked: string,
): void {
  const { counts } = gathered;
  counts.add('forwards', `${upstream}|${forward?.reason}|${forward?.detail ?? ''}`);
  if (isCollapsed) gathered.savedBy(upstream, asked).requests.n += 1;
  const { originMs } = timesOf(events);
  if (status === 200 && originMs !== undefined) {
    observe(counts.histogram('originWaits', `${upstream}|${asked}`), originMs);
  }
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

/** The methods that registries know. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The labels of what was asked for, by handler and method: there are few, and every request needs them. */
const ASKED_LABELS = new Map<string, Map<string, string>>();

function askedLabels(handler: Handler, method: string): string {
  const labels = ASKED_LABELS.get(handler)?.get(method);
  if (labels) return labels;
  // A method that nobody knows is not remembered: there are any number of them.
  if (!METHODS.includes(method)) return `${handler}|other`;
  const made = `${handler}|${method.toLowerCase()}`;
  entryOf(ASKED_LABELS, handler, () => new Map<string, string>()).set(method, made);
  return made;
}
