import { type Answer, head } from '../e2e/support/http.ts';
import { until } from '../e2e/support/until.ts';
import { type Load, type LoadResult, load } from './load.ts';

/** A blob that a server has in its cache. */
export interface WarmBlob {
  readonly url: string;
  /** The headers of the only caller. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The number of requests to the origin since the start. */
  requestCount(): number;
}

/**
 * A store may be slow a few times under full load; with a larger share of origin requests, the load is not a warm one.
 */
const MAX_ORIGIN_SHARE = 0.001;
const VARYING_HEADERS = ['date', 'connection', 'keep-alive', 'transfer-encoding'];

/** Asks until the answer is a hit. @returns the hit */
export function warmUp({ url, headers }: Omit<WarmBlob, 'requestCount'>): Promise<Answer> {
  return until(`a hit at ${url}`, async () => {
    const answer = await head(url, headers);
    return isHit(answer) && answer;
  });
}

/**
 * Puts load on a server that has a blob in its cache.
 * @throws Error an answer was not 200, or not all were hits: checked by a HEAD before, by one after, and by the number
 *   of requests that reached the origin
 */
export async function loadWarm(blob: WarmBlob, how: Load): Promise<LoadResult> {
  await expectHit(blob);
  const countBefore = blob.requestCount();
  const result = await load(blob.url, { ...how, ...(blob.headers && { headers: blob.headers }) });
  const originRequests = blob.requestCount() - countBefore;
  await expectHit(blob);
  if (originRequests > MAX_ORIGIN_SHARE * result.responses) {
    throw new Error(`${blob.url}: ${originRequests} of ${result.responses} warm HEADs reached the origin`);
  }
  return result;
}

/** The headers of an answer that are equal in the next one, which a bare handler has to send. */
export function constantHeaders({ headers }: Answer): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !VARYING_HEADERS.includes(name)));
}

async function expectHit({ url, headers }: WarmBlob): Promise<void> {
  const answer = await head(url, headers);
  if (!isHit(answer)) throw new Error(`${url}: ${answer.status} ${answer.headers['cache-status']} instead of a hit`);
}

function isHit({ status, headers }: Answer): boolean {
  return status === 200 && /^registry-edge; hit/.test(headers['cache-status'] ?? '');
}
