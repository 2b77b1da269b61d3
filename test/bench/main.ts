import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { cleanUp } from '../e2e/support/cleanup.ts';
import { inProject } from '../e2e/support/project.ts';
import { journeysTable } from './journeys/table.ts';
import { surroundings, surroundingsText } from './machine.ts';
import { pricesReport } from './prices.ts';
import { profileWarm } from './profile.ts';
import { figuresTable, isMet, type Report, reasonOf } from './report.ts';
import { ROWS, type Row } from './rows.ts';
import { CONNECTIONS, type Settings } from './settings.ts';
import { findTool } from './tools.ts';

const RESULTS = inProject('dist/bench.json');
/** Further reports that compare nothing, printed as they are. */
const EXTRAS: Readonly<Record<string, (settings: Settings) => string | Promise<string>>> = {
  prices: pricesReport,
  profile: profileWarm,
};

const EVERYDAY_ROWS = Object.keys(ROWS).filter((name) => !ROWS[name]?.hasToBeNamed);

/**
 * `npm run bench [-- NAME…]`: measures the edge against comparable servers. A name that is no row's stands for all rows
 * that begin with it, such as `journeys`. Without names it runs all rows but those that have to be named, and `prices`;
 * `profile` has to be named too. A missed target is shown in the table. A row that cannot be measured has the
 * reason in its place, and the others stand; then the exit code is 1.
 *
 *     npm run bench -- warm-memory --rounds 5 --seconds 1
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '7' }, seconds: { type: 'string', default: '1.5' } },
  });
  const settings = { rounds: positive(values.rounds, '--rounds'), seconds: positive(values.seconds, '--seconds') };
  const names = positionals.length > 0 ? positionals.flatMap(namesOf) : [...EVERYDAY_ROWS, 'prices'];

  const startedAt = Date.now();
  const environment = surroundings();
  const reports: Report[] = [];
  const texts: string[] = [];
  for (const name of names) {
    const row = ROWS[name];
    const extra = EXTRAS[name];
    if (extra) texts.push(await extra(settings));
    if (row) reports.push(await timed(name, () => measured(name, row, settings)));
    await cleanUp();
  }

  const figures = reports.flatMap((report) => report.figures);
  const journeys = reports.flatMap((report) => report.journeys ?? []);
  const notes = reports.flatMap((report) => report.notes ?? []);
  const tables = figures.length > 0 ? [figuresTable(figures), methodText(settings)] : [];
  if (journeys.length > 0) tables.push(journeysTable(journeys));
  console.log([...tables, ...notes, ...texts, surroundingsText(environment)].join('\n\n'));
  const isComplete =
    figures.every((line) => 'compared' in line) && journeys.every(({ found }) => typeof found === 'object');
  if (!isComplete) process.exitCode = 1;
  if (tables.length === 0) return;

  const judged = figures.map((line) => ('reason' in line ? line : { ...line, isMet: isMet(line) }));
  const results = {
    ...environment,
    date: new Date(startedAt).toISOString(),
    settings,
    notes,
    figures: judged,
    journeys,
  };
  await writeFile(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
  console.error(`results: ${RESULTS}`);
}

function methodText({ rounds, seconds }: Settings): string {
  return (
    `Medians (minimum–maximum) of ${rounds} rounds, A B A B; the ratio is the median of the rounds' ratios. A load lasts ` +
    `${seconds} s a round and uses ${CONNECTIONS} connections at full speed, unless a rate is named.`
  );
}

/** The rows and reports for which a name on the command line stands. */
function namesOf(name: string): string[] {
  const all = [...Object.keys(ROWS), ...Object.keys(EXTRAS)];
  if (all.includes(name)) return [name];
  const begun = all.filter((each) => each.startsWith(`${name}-`));
  if (begun.length === 0) throw new Error(`unknown row ${name}: expected ${all.join(', ')}`);
  return begun;
}

/** Measures a row. @returns its report; of a row that cannot be measured, the reason */
async function measured(name: string, { needs, run }: Row, settings: Settings): Promise<Report> {
  const absent = needs.filter((tool) => !findTool(tool));
  if (absent.length > 0) return { figures: [{ row: name, reason: `it needs ${absent.join(', ')}` }] };
  try {
    return await run(name, settings);
  } catch (error) {
    return { figures: [{ row: name, reason: reasonOf(error) }] };
  }
}

/** Reports the progress on stderr, since stdout is the report. */
async function timed(name: string, run: () => Promise<Report>): Promise<Report> {
  const startedAt = Date.now();
  const report = await run();
  console.error(`${name}: ${Math.round((Date.now() - startedAt) / 1_000)} s`);
  return report;
}

function positive(text: string, option: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${option}: expected a number above 0`);
  return number;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await main().finally(cleanUp);
