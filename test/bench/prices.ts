import { MILLION_HEAD, millionLines } from '../../local/price/million.ts';
import { PRICES_OF } from '../../local/price/prices.ts';
import { table } from './report.ts';

/**
 * A table of what a million HEADs cost on paid plans, and how many a day the free plans allow, by backend; its sources.
 */
export function pricesReport(): string {
  const { cloudflare, objects, upstash } = PRICES_OF;
  return [
    table([...MILLION_HEAD], millionLines()),
    'Prices of a million HEADs in US dollars, from the operations that each needs (local/price/costs.ts) and the prices ' +
      `that Cloudflare published on ${cloudflare} (Durable Objects: ${objects}) and Upstash (pay as you go) on ` +
      `${upstash}, without what paid plans include. A cold HEAD reads the store, asks the origin and writes back; the ` +
      'price of the origin is not included, nor that of the row that the sweep of a Durable Object deletes later.',
  ].join('\n\n');
}
