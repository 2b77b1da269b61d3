import { setTimeout } from 'node:timers/promises';
import type { Counts } from '../../src/upstream/warm/counts.ts';
import type { Report } from './warmImage.ts';

/** The edge has no account to ask with. */
export class CallerNeeded extends Error {}

export interface EdgeOptions {
  readonly url: string;
  readonly adminToken: string;
  readonly platforms: readonly string[];
  readonly upstream: string;
}

interface Answer {
  readonly done: Counts;
  /** Of images; or of the request, where it is refused. */
  readonly errors: readonly { readonly error: string; readonly message?: string }[];
  readonly cursor?: string;
  readonly retryAfter?: string;
}

const TIMEOUT_MS = 120_000;
/** How often the origin may ask to wait in the course of one image, and for how long at most. */
const MAX_WAITS = 10;
const MAX_WAIT_MS = 60_000;

/** Lets the edge warm an image by itself, piece by piece. @throws CallerNeeded */
export async function warmByEdge(options: EdgeOptions, image: string, report: Report): Promise<void> {
  let cursor: string | undefined;
  let waits = 0;
  do {
    const answer = await askEdge(options, image, cursor);
    report(answer.done);
    const [failed] = answer.errors;
    if (failed) throw new Error(failed.error);
    if (answer.retryAfter !== undefined) {
      waits += 1;
      if (waits > MAX_WAITS) throw new Error('the origin limits its requests: try again later');
      await setTimeout(Math.min(MAX_WAIT_MS, (Number(answer.retryAfter) || 60) * 1_000));
    } else if (answer.cursor !== undefined && answer.cursor === cursor) {
      throw new Error('the edge does not get on with the image: try again later');
    }
    cursor = answer.cursor;
  } while (cursor !== undefined);
}

async function askEdge(
  { url, adminToken, platforms, upstream }: EdgeOptions,
  image: string,
  cursor: string | undefined,
) {
  const response = await fetch(`${url}/_edge/warm`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ images: [image], platforms, ...(upstream && { upstream }), cursor }),
    // The token is for this edge alone.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const { status } = response;
  const answer = objectIn(await response.text());
  if (response.ok && answer.done && answer.errors) return answer as Answer;
  if (response.ok) throw new Error(`${url} answers, and not as registry-edge: correct the address`);
  if (status === 401) throw new Error('ADMIN_TOKEN: the edge refuses it: set that of the deployed edge');
  if (status === 404) throw new Error(`${url} has no /_edge/warm: set ADMIN_TOKEN there, or correct the address`);
  const message = answer.errors?.[0]?.message ?? `the edge answered ${status}`;
  throw status === 409 ? new CallerNeeded(message) : new Error(message);
}

/** Reads JSON. @returns an empty object for another value */
function objectIn(text: string): Partial<Answer> {
  try {
    return (JSON.parse(text) as Partial<Answer> | null) ?? {};
  } catch {
    return {};
  }
}
