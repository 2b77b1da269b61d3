import { html } from 'hono/html';
import type { Hour } from '../metrics/rpc.ts';
import type { Html } from './document.ts';
import { type LabeledCount, merged, seriesOf } from './figures.ts';
import { count } from './format.ts';
import { table } from './table.ts';

/** What is told of a count: what happened, how often, and why. */
type Told = readonly [what: string, count: number, why: string];

/** Why the cache did not answer, by the `detail` of `Cache-Status`; docs/why-not-a-hit.md says what to do. */
const DETAILS: Readonly<Record<string, string>> = {
  unproven: 'the credential had not proved here that it may have such answers',
  identity: 'a header besides Authorization may say who calls',
  ns: '?ns= names a registry that is not known to be this origin: MIRRORED_HOSTS',
  push: 'the caller may push, and the last confirmation is too old',
  fault: 'the store failed',
  slow: 'the store did not answer within CACHE_TIMEOUT',
  unreachable: 'the origin could not be reached, and the last good answer stood in',
  paused: 'the origin had asked to wait, and the last good answer stood in',
  budget: 'few of the pulls that the origin allows are left',
};
const REASONS: Readonly<Record<string, string>> = {
  miss: 'nobody had asked before, or it had expired or was deleted',
  stale: 'what was stored was older than its window',
  bypass: 'only the origin answers this',
  'vary-miss': 'what was stored is of a media type that the client does not accept',
};

/** Answers what was refused or failed in the last 48 hours, and why. */
export function refusals(hours: readonly Hour[]): Html {
  const all = merged(hours);
  const lists: readonly (readonly [string, readonly Told[]])[] = [
    ['Not from the cache', notHits(all)],
    ['Refused and failed', answers(all)],
    ['Faults', faults(all)],
    ['Pushes checked', checks(all)],
    ['Policies', policies(all)],
  ];
  return html`<section aria-labelledby="refused">
    <h2 id="refused">What was refused or failed, and why</h2>
    <p class="note">In the last 48 hours.</p>
    <div class="tables">${lists.map(([title, told]) =>
      table({
        title,
        head: [title, 'count', 'why'],
        rows: told.map(([what, times, why]) => [what, count(times), why]),
      }),
    )}</div>
  </section>`;
}

function notHits(all: ReadonlyMap<string, number>): Told[] {
  return ranked(seriesOf(all, 'forwards'), ([, reason = '', detail = '']) => [
    detail === '' ? reason : `${reason}, ${detail}`,
    DETAILS[detail] ??
      (detail.startsWith('origin-') ? 'the origin failed, and the last good answer stood in' : (REASONS[reason] ?? '')),
  ]);
}

function answers(all: ReadonlyMap<string, number>): Told[] {
  const refused = seriesOf(all, 'requests').filter(([[, , , code = '']]) => Number(code) >= 400);
  return ranked(refused, ([, handler = '', method = '', code = '']) => [
    `${code} to ${method.toUpperCase()} ${handler.replaceAll('_', ' ')}`,
    CODES[code] ?? (Number(code) >= 500 ? 'the origin or the edge failed' : 'the request was refused'),
  ]);
}

const CODES: Readonly<Record<string, string>> = {
  '401': 'no credential, or a wrong one: clients then log in',
  '403': 'the origin or a policy denies it',
  '404': 'the origin does not have it',
  '405': 'it is turned off, or no registry knows it',
  '429': 'the origin limits the caller',
  '502': 'the origin could not be reached',
};

function faults(all: ReadonlyMap<string, number>): Told[] {
  const failed = (metric: string, at: number) => seriesOf(all, metric).filter(([labels]) => labels[at] === 'fault');
  return [
    ...ranked(seriesOf(all, 'lookFaults'), ([, store = '']) => [
      `look into ${store}`,
      'the store failed or was too slow',
    ]),
    ...ranked(failed('byteLooks', 2), ([, store = '']) => [
      `look into ${store}`,
      'the byte store failed or was too slow',
    ]),
    ...ranked(failed('clears', 2), ([, verb = '']) => [verb, 'a removal failed: purge what it was about']),
    ...ranked(seriesOf(all, 'breaker'), ([, outcome = '']) => [
      `breaker ${outcome}`,
      'the store kept failing, and was left alone',
    ]),
    ...ranked(
      seriesOf(all, 'fills').filter(([[, outcome]]) => outcome !== 'begun' && outcome !== 'stored'),
      ([, outcome = '']) => [
        `fill ${outcome}`,
        outcome === 'wrong' ? 'bytes did not match their digest' : 'a blob was not stored',
      ],
    ),
  ];
}

function checks(all: ReadonlyMap<string, number>): Told[] {
  return [
    ...ranked(seriesOf(all, 'checks'), ([, result = '']) => [
      `manifests ${result}`,
      result === 'refused' ? 'the origin had lost blobs that they need' : 'every blob that they need is there',
    ]),
    ...ranked(seriesOf(all, 'heals'), () => [
      'refused by the origin',
      'what they name was evicted, so that a repeated push works',
    ]),
    ...ranked(seriesOf(all, 'restores'), ([, outcome = '']) => [
      `blobs restored: ${outcome}`,
      'the origin had lost them',
    ]),
  ];
}

function policies(all: ReadonlyMap<string, number>): Told[] {
  return ranked(seriesOf(all, 'policies'), ([, policy = '', outcome = '']) => [policy, POLICIES[outcome] ?? outcome]);
}

const POLICIES: Readonly<Record<string, string>> = {
  denied: 'requests were denied',
  heldBack: 'the tag led to what it had led to before',
  reported: 'nothing was done, since policies are only reported',
};

/** Adds up what is told in the same words, the most frequent first. */
function ranked(
  series: readonly LabeledCount[],
  tell: (labels: readonly string[]) => readonly [string, string],
): Told[] {
  const told = new Map<string, [string, number, string]>();
  for (const [labels, times] of series) {
    const [what, why] = tell(labels);
    const known = told.get(what + why);
    if (known) known[1] += times;
    else told.set(what + why, [what, times, why]);
  }
  return [...told.values()].toSorted(([, a], [, b]) => b - a);
}
