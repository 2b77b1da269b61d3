import { choicesReport } from './price/choices.ts';
import { monthReport } from './price/month.ts';
import { readOptions, USAGE } from './price/options.ts';
import { PAID_PLAN, PRICES_OF } from './price/prices.ts';
import { exitWithError } from './serve.ts';

/** `npm run price`: what a month costs, by counted costs and published prices, and which bound comes next. */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.isHelp) return console.log(USAGE);
  const reports = options.isSimulated
    ? [await choicesReport(options)]
    : options.requests.map((requests) => monthReport(requests, options));
  console.log([...reports, sources()].join('\n\n'));
}

function sources(): string {
  const { cloudflare, objects, upstash } = PRICES_OF;
  return [
    `US dollars, by the prices of Cloudflare of ${cloudflare} (Durable Objects: ${objects}) and Upstash of ${upstash}.`,
    `A bill has the paid plan ($${PAID_PLAN}) and is without what that includes; the columns before it are not.`,
    'Not in it: the CPU and the duration of objects, the object of the metrics, storage, and what the origin costs.',
  ].join('\n');
}

main().catch(exitWithError);
