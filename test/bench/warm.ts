import { type Answer, head } from '../e2e/support/http.ts';
import { until } from '../e2e/support/until.ts';
import { type Load, type LoadResult, load } from './load.ts';

/** A blob of which a server can answer every HEAD without asking further. */
export interface WarmBlob {
  readonly url: string;
  /** Of the one caller that asks. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How often the origin behind was asked anything since the start. */
  asked(): number;
}

/** A store that hesitates once under full load is no error of the run; more than this is another path than the warm one. */
const MAX_ASKED_SHARE = 0.001;
const CHANGING = ['date', 'connection', 'keep-alive', 'transfer-encoding'];

/** Asks until the answer is a hit, and so makes it one. @returns the hit */
export function warmUp({ url, headers }: Omit<WarmBlob, 'asked'>): Promise<Answer> {
  return until(`a hit at ${url}`, async () => {
    const answer = await head(url, headers);
    return isHit(answer) && answer;
  });
}

/**
 * Puts load on what is warm.
 * @throws Error any answer was not 200, or the run was not one of hits: by a HEAD before, one after, and the questions
 *   that the origin heard meanwhile
 */
export async function loadWarm(blob: WarmBlob, how: Load): Promise<LoadResult> {
  await expectHit(blob);
  const askedBefore = blob.asked();
  const result = await load(blob.url, { ...how, ...(blob.headers && { headers: blob.headers }) });
  const asked = blob.asked() - askedBefore;
  await expectHit(blob);
  if (asked > MAX_ASKED_SHARE * result.responses) {
    throw new Error(`${blob.url}: of ${result.responses} warm HEADs ${asked} went to the origin`);
  }
  return result;
}

/** The headers of an answer that are the same in the next one: what a bare handler has to send. */
export function constantHeaders({ headers }: Answer): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CHANGING.includes(name)));
}

async function expectHit({ url, headers }: WarmBlob): Promise<void> {
  const answer = await head(url, headers);
  if (!isHit(answer)) throw new Error(`${url}: ${answer.status} ${answer.headers['cache-status']} instead of a hit`);
}

function isHit({ status, headers }: Answer): boolean {
  return status === 200 && /^registry-edge; hit/.test(headers['cache-status'] ?? '');
}
