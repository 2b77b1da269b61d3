import { percent } from './bottlenecks.ts';
import type { KnownStore } from './costs.ts';
import { dollars } from './million.ts';
import { count } from './month.ts';
import type { PriceOptions } from './options.ts';
import { SECONDS_A_MONTH } from './prices.ts';
import type { Tally } from './simulation/clients.ts';
import { type Simulated, simulate } from './simulation/simulate.ts';
import { tableOf } from './table.ts';
import { billedAs, billOf, priceOf, type Usage } from './usage.ts';

const HEAD = [
  'TTLs',
  'hits of pulls',
  'of pushes',
  'from memory',
  'asked of the origin',
  'price',
  'bill a month',
] as const;

/** What is compared by default: each alone, the others as they are by default. */
const CHOICES: readonly Readonly<Record<string, string>>[] = [
  {},
  { TAG_TTL: '0' },
  { TAG_TTL: '1m' },
  { TAG_TTL: '10m' },
  { DESCRIPTOR_TTL: '10m' },
  { PUSH_EXISTENCE_TTL: '0' },
  { MEMORY_TTL: '0' },
];

/** Simulates the traffic with each choice of TTLs. */
export async function choicesReport(options: PriceOptions): Promise<string> {
  const [requests = 0] = options.requests;
  const [store = 'durable'] = options.stores;
  const pushes = options.pushes ?? Math.round(requests / 1_000);
  const { layers, seed, repositories, fleet, sample, isolates } = options;
  const shape = { requests, pushes, layers, seed, repositories, fleet, sample };
  const lines: string[][] = [];
  let countedMs = 0;
  for (const variables of options.choices.length > 0 ? [{}, ...options.choices] : CHOICES) {
    const found = await simulate({ shape, store, isolates, variables });
    countedMs = found.countedMs;
    lines.push([...sharesOf(variables, found), originOf(found, requests), ...moneyOf(store, found, requests)]);
  }
  const hours = Math.round(countedMs / 36_000) / 100;
  const what = `${count(requests)} requests and ${count(pushes)} pushes a month, ${repositories} repositories, fleets of ${fleet}`;
  const notes = `Counted in ${hours} h of ${what}, ${isolates} isolates on ${store}; TTLs that are longer show less than they do.`;
  return `${tableOf(HEAD, lines)}\n\n${notes}`;
}

/** Returns the price of a month without what plans include, and the bill with it. */
function moneyOf(store: KnownStore, { cost, requests }: Simulated, aMonth: number): string[] {
  const counted: Usage = { workersRequests: requests, ...billedAs(store, cost) };
  const usage = Object.fromEntries(
    Object.entries(counted).map(([unit, number]) => [unit, (number * aMonth) / requests]),
  );
  return [dollars(priceOf(usage)), dollars(billOf(usage))];
}

/** Returns how many questions reach the origin in a month. */
function originOf({ originQuestions, requests }: Simulated, aMonth: number): string {
  const number = (originQuestions * aMonth) / requests;
  return `${count(number)} (${(number / SECONDS_A_MONTH).toPrecision(2)}/s)`;
}

function sharesOf(variables: Readonly<Record<string, string>>, { tallies: { pull, push } }: Simulated): string[] {
  const name = Object.entries(variables).map(([variable, value]) => `${variable}=${value}`);
  const memory = { asked: pull.hits + push.hits, hits: pull.fromMemory + push.fromMemory };
  return [name.join(', ') || 'by default', shareOf(pull), shareOf(push), shareOf(memory)];
}

function shareOf({ asked, hits }: Pick<Tally, 'asked' | 'hits'>): string {
  return asked === 0 ? 'none' : percent(hits / asked);
}
