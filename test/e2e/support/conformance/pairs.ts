import { isHit } from '../hits.ts';
import { type Answer, contentHeaders, lastingHeaders } from '../http.ts';
import type { Pair } from './repeating.ts';

/** Who asks: callers that may push get no tag and no list from the cache (law 6). */
export type Caller = 'may push' | 'only pulls';

/** What a path names, as long as its query asks for nothing else. */
const RESOURCES = [
  ['base', /^\/v2\/$/],
  ['blobs', /^\/v2\/.+\/blobs\/sha(?:256|512):[0-9a-f]+$/],
  ['manifests', /^\/v2\/.+\/manifests\/sha(?:256|512):[0-9a-f]+$/],
  ['tag', /^\/v2\/.+\/manifests\/[^/?:]+$/],
  ['list', /^\/v2\/.+\/(?:tags\/list|referrers\/[^/?]+)(?:\?.*)?$/],
] as const;
/** A tombstone of a DELETE reaches `ORIGIN_TIMEOUT`, by default 30 s, and 5 s more into the future (law 7). */
const TOMBSTONE_MS = 35_000;

/**
 * Whether the laws allow a hit as the second answer: the first one said yes (law 2) to the same question (law 1), and
 * nobody has deleted it a moment ago (law 7).
 */
export function mayHit(caller: Caller, { method, path, headers, first, deletedBeforeMs }: Pair): boolean {
  if (deletedBeforeMs !== undefined && deletedBeforeMs < TOMBSTONE_MS) return false;
  const [resource] = RESOURCES.find(([, pattern]) => pattern.test(path)) ?? [];
  switch (resource) {
    case 'blobs':
      // Of a blob the edge has no bytes, but it knows the size, and so whether a range begins behind the end.
      return method === 'HEAD' ? first.status === 200 : first.status === 416 && beginsBeforeItEnds(headers.range);
    case 'manifests':
      return first.status === 200 && String(headers.accept).includes(first.headers['content-type'] ?? '');
    case 'tag':
    case 'list':
      return first.status === 200 && caller === 'only pulls';
    // What the origin says there to callers without a credential, the edge says for a minute.
    case 'base':
      return first.status === 200;
    default:
      return false;
  }
}

/** Whether a range is none that makes no sense in itself, such as `500-0`; registries answer 416 to that as well. */
function beginsBeforeItEnds(range = ''): boolean {
  const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  return from !== '' && (to === '' || Number(from) <= Number(to));
}

/**
 * What differs between the first and the second answer, and between a hit and what the origin answers, as
 * `METHOD kind: what`. Date, Cache-Status and Server-Timing may differ (law 5). The headers by which an origin speaks
 * to one caller may differ too, but the registries of these tests have none.
 */
export function differencesIn({ method, path, first, second, origin }: Pair): string[] {
  const kind = /\/(blobs|manifests|tags|referrers)\//.exec(path)?.[1] ?? path;
  const changed = differing(first, second, lastingHeaders).map((what) => `${method} ${kind}: ${what}`);
  if (!origin) return changed;
  const told = differing(origin, second, contentHeaders).map((what) => `${method} ${kind}, a hit: ${what}`);
  // The edge answers an error by itself in its own words.
  return [...changed, ...told].filter((what) => second.status < 400 || what.endsWith(': status'));
}

/** The names of what differs between two answers: `status`, `body`, or a header. */
function differing(one: Answer, other: Answer, headersOf: (answer: Answer) => Record<string, string>): string[] {
  const [before, after] = [headersOf(one), headersOf(other)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return [
    ...(one.status === other.status ? [] : ['status']),
    ...(one.body.equals(other.body) ? [] : ['body']),
    ...names.filter((name) => before[name] !== after[name]),
  ];
}

/** How many second answers were hits. */
export interface Hits {
  readonly hits: number;
  /** How many could have been. */
  readonly allowed: number;
  /** The requests that were answered from the cache against the laws. */
  readonly forbidden: readonly string[];
}

/** Counts the second answers that came from the cache, and those for which the laws allow it. */
export function countHits(caller: Caller, pairs: readonly Pair[]): Hits {
  const allowed = pairs.filter((pair) => mayHit(caller, pair));
  const hits = pairs.filter(({ second }) => isHit(second));
  const forbidden = hits.filter((pair) => !allowed.includes(pair));
  return {
    hits: hits.length - forbidden.length,
    allowed: allowed.length,
    forbidden: forbidden.map(({ method, path, first }) => `${method} ${path} after a ${first.status}`),
  };
}
