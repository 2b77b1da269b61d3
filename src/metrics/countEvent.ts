import type { EdgeEvent } from '../telemetry/events.ts';
import { observe } from './counts.ts';
import type { Gathered } from './gathered.ts';

type EventOf<K extends EdgeEvent['kind']> = Extract<EdgeEvent, { kind: K }>;
type Count<K extends EdgeEvent['kind']> = (gathered: Gathered, upstream: string, event: EventOf<K>) => void;

/** What is counted of an event alone. What only the whole request tells, such as its cache status, is not here. */
const COUNTED: { readonly [K in EdgeEvent['kind']]?: Count<K> } = {
  stat(gathered, upstream, { store, outcome, ms }) {
    const { all, hits, faults, times } = gathered.looksOf(upstream, store);
    all.n += 1;
    if (outcome === 'hit') hits.n += 1;
    else if (outcome === 'fault') faults.n += 1;
    if (times) observe(times, ms);
  },
  origin({ counts }, upstream, { method, outcome, ms }) {
    counts.add('originRequests', `${upstream}|${method.toLowerCase()}|${outcome}`);
    observe(counts.histogram('originTimes', `${upstream}|${method.toLowerCase()}`), ms);
  },
  check({ counts }, upstream, { needed, asked, gone }) {
    counts.add('checks', `${upstream}|${gone > 0 ? 'refused' : 'passed'}`);
    for (const [found, count] of Object.entries({ known: needed - asked, confirmed: asked - gone, gone })) {
      if (count > 0) counts.add('checkedBlobs', `${upstream}|${found}`, count);
    }
  },
  notified({ counts }, upstream, { events, unusable }) {
    counts.add('notified', `${upstream}|received`, events);
    if (unusable > 0) counts.add('notified', `${upstream}|unusable`, unusable);
  },
  'notified-too-much': ({ counts }, upstream) => counts.add('notified', `${upstream}|too-large`),
  bytes: ({ counts }, upstream, { store, outcome }) => counts.add('byteLooks', `${upstream}|${store}|${outcome}`),
  fill: ({ counts }, upstream, { outcome }) => counts.add('fills', `${upstream}|${outcome}`),
  restore: ({ counts }, upstream, { outcome }) => counts.add('restores', `${upstream}|${outcome}`),
  collapsed: ({ counts }, upstream) => counts.add('collapsed', upstream),
  'write-back': ({ counts }, upstream, { outcome }) => counts.add('writeBacks', `${upstream}|${outcome}`),
  clear: countRemoval,
  evict: countRemoval,
  markDeleting: countRemoval,
  heal: ({ counts }, upstream) => counts.add('heals', upstream),
  policy: ({ counts }, upstream, { policy, outcome }) => counts.add('policies', `${upstream}|${policy}|${outcome}`),
  budget: ({ counts }, upstream, { outcome }) => counts.add('counted', `${upstream}|${outcome}`),
  token: ({ counts }, upstream, { outcome }) => counts.add('tokens', `${upstream}|${outcome}`),
  breaker: ({ counts }, upstream, { outcome }) => counts.add('breaker', `${upstream}|${outcome}`),
};

function countRemoval({ counts }: Gathered, upstream: string, { kind, outcome }: EventOf<'clear' | 'evict'>): void {
  counts.add('clears', `${upstream}|${kind}|${outcome}`);
}

/**
 * Counts one event, of whichever request and whenever it came.
 * @param upstream the alias
 */
export function countEvent(gathered: Gathered, upstream: string, event: EdgeEvent): void {
  const count = COUNTED[event.kind] as Count<EdgeEvent['kind']> | undefined;
  count?.(gathered, upstream, event);
}
