import type { EdgeEvent } from '../telemetry/events.ts';
import type { Counts } from './counts.ts';

type EventOf<K extends EdgeEvent['kind']> = Extract<EdgeEvent, { kind: K }>;
type Count<K extends EdgeEvent['kind']> = (counts: Counts, upstream: string, event: EventOf<K>) => void;

/** The store in the isolate itself, which nobody waits for. */
const IN_ISOLATE = 'memory';

/** What is counted of an event alone. What only the whole request tells, such as its cache status, is not here. */
const COUNTED: { readonly [K in EdgeEvent['kind']]?: Count<K> } = {
  stat(counts, upstream, { store, outcome, ms }) {
    const labels = `${upstream}|${store}`;
    counts.add('looks', labels);
    if (outcome === 'hit') counts.add('lookHits', labels);
    else if (outcome === 'fault') counts.add('lookFaults', labels);
    if (store !== IN_ISOLATE) counts.observe('lookTimes', labels, ms);
  },
  origin(counts, upstream, { method, outcome, ms }) {
    counts.add('originRequests', `${upstream}|${method.toLowerCase()}|${outcome}`);
    counts.observe('originTimes', `${upstream}|${method.toLowerCase()}`, ms);
  },
  check(counts, upstream, { needed, asked, gone }) {
    counts.add('checks', `${upstream}|${gone > 0 ? 'refused' : 'passed'}`);
    for (const [found, count] of Object.entries({ known: needed - asked, confirmed: asked - gone, gone })) {
      if (count > 0) counts.add('checkedBlobs', `${upstream}|${found}`, count);
    }
  },
  notified(counts, upstream, { events, unusable }) {
    counts.add('notified', `${upstream}|received`, events);
    if (unusable > 0) counts.add('notified', `${upstream}|unusable`, unusable);
  },
  'notified-too-much': (counts, upstream) => counts.add('notified', `${upstream}|too-large`),
  bytes: (counts, upstream, { store, outcome }) => counts.add('byteLooks', `${upstream}|${store}|${outcome}`),
  fill: (counts, upstream, { outcome }) => counts.add('fills', `${upstream}|${outcome}`),
  restore: (counts, upstream, { outcome }) => counts.add('restores', `${upstream}|${outcome}`),
  collapsed: (counts, upstream) => counts.add('collapsed', upstream),
  'write-back': (counts, upstream, { outcome }) => counts.add('writeBacks', `${upstream}|${outcome}`),
  clear: countRemoval,
  evict: countRemoval,
  markDeleting: countRemoval,
  heal: (counts, upstream) => counts.add('heals', upstream),
  policy: (counts, upstream, { policy, outcome }) => counts.add('policies', `${upstream}|${policy}|${outcome}`),
  budget: (counts, upstream, { outcome }) => counts.add('counted', `${upstream}|${outcome}`),
  token: (counts, upstream, { outcome }) => counts.add('tokens', `${upstream}|${outcome}`),
  breaker: (counts, upstream, { outcome }) => counts.add('breaker', `${upstream}|${outcome}`),
};

function countRemoval(counts: Counts, upstream: string, { kind, outcome }: EventOf<'clear' | 'evict'>): void {
  counts.add('clears', `${upstream}|${kind}|${outcome}`);
}

/**
 * Counts one event, of whichever request and whenever it came.
 * @param upstream the alias
 */
export function countEvent(counts: Counts, upstream: string, event: EdgeEvent): void {
  const count = COUNTED[event.kind] as Count<EdgeEvent['kind']> | undefined;
  count?.(counts, upstream, event);
}
