import { isHit } from '../hits.ts';
import type { Answered } from '../proxy.ts';
import type { Side } from './sides.ts';

type Counting = Pick<Side, 'clients' | 'origin' | 'settle'>;

/** What one journey cost through the edge. */
export interface Through {
  /** The requests of the client that the origin got. */
  readonly forwarded: number;
  /** The questions that the origin got and no client asked there: those of the edge itself, as `METHOD path`. */
  readonly own: readonly string[];
  /** The requests that the cache answered. */
  readonly hits: number;
  /** The requests that were answered 401. */
  readonly refused: number;
  /** The blobs, by their paths, that the client found by a HEAD and that were there before, as far as not hits. */
  readonly missed: readonly string[];
}

/** Does some work, and returns what the clients sent and the origin got meanwhile. */
export async function observe({ clients, origin, settle }: Counting, work: () => Promise<unknown>): Promise<Observed> {
  const [sent, answered, got] = [clients.requests.length, clients.answers.length, origin.requests.length];
  await work();
  await settle();
  return {
    sent: clients.requests.slice(sent).map(decodeURIComponent),
    answers: clients.answers.slice(answered).map((each) => ({ ...each, request: decodeURIComponent(each.request) })),
    got: origin.requests.slice(got).map(decodeURIComponent),
  };
}

/** Requests as `METHOD path`, with nothing escaped. */
export interface Observed {
  readonly sent: readonly string[];
  readonly answers: readonly Answered[];
  readonly got: readonly string[];
}

/**
 * Tells apart what the origin got because a client asked, and what the edge asked by itself. A request that the cache
 * answered was not forwarded: what the origin got of it is the edge's own.
 */
export function countThrough({ sent, answers, got }: Observed): Through {
  const hits = answers.filter(isHit).map(({ request }) => request);
  const own = without(got, without(sent, hits));
  const uploaded = sent.filter((request) => /^(?:PUT|POST) .*[?&](?:digest|mount)=/.test(request)).join();
  const found = answers.filter(({ request, status }) => status === 200 && /^HEAD .*\/blobs\//.test(request));
  const missed = found.filter((each) => !isHit(each) && !uploaded.includes(digestIn(each)));
  return {
    forwarded: got.length - own.length,
    own,
    hits: hits.length,
    refused: refusedOf(answers),
    missed: missed.map(({ request }) => request.slice('HEAD '.length)),
  };
}

/** Counts the requests that were answered 401. */
export function refusedOf(answers: readonly Answered[]): number {
  return answers.filter(({ status }) => status === 401).length;
}

function digestIn({ request }: Answered): string {
  return request.slice(request.lastIndexOf('/') + 1);
}

/** The items without as many of each as `others` has. */
function without(items: readonly string[], others: readonly string[]): string[] {
  const remaining = new Map<string, number>();
  for (const other of others) remaining.set(other, (remaining.get(other) ?? 0) + 1);
  return items.filter((item) => {
    const count = remaining.get(item) ?? 0;
    remaining.set(item, count - 1);
    return count <= 0;
  });
}
