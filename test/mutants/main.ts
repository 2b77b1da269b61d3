import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';
import { asTestResults, lineOf, markdownOf, type Outcome } from './report.ts';
import { Workspace } from './workspace.ts';

/** The model makes all of its moves if it notices nothing. */
const MODEL_TIMEOUT_MS = 900_000;

/**
 * `npm run mutants`: breaks the laws on purpose, one mutation at a time, in copies of the project, and runs for each the
 * tests that have to notice. A mutation that no test notices survives, and so does one that does not apply any more.
 *
 *     npm run mutants [-- WORD...] [--json FILE]   only mutations that have one of the words in law, sentence or file
 *     npm run mutants -- --list                    the table for docs/testing.md
 *     npm run mutants -- --model [WORD...]         after how many moves the model notices each; MODEL_MOVES at most
 */
async function main(): Promise<void> {
  const options = { list: { type: 'boolean' }, json: { type: 'string' }, model: { type: 'boolean' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.list) return console.log(markdownOf(MUTATIONS));
  const wanted = MUTATIONS.filter((mutation) => isNamed(mutation, positionals));
  const startedAt = Date.now();
  const outcomes = await tryAll(wanted, values.model ? tryModel : tryTests);
  const survived = outcomes.filter(({ noticedBy }) => noticedBy === undefined);
  if (survived.length > 0) console.log(`\n${survived.map(lineOf).join('\n')}`);
  if (values.json) writeFileSync(values.json, JSON.stringify(asTestResults(outcomes)));
  console.log(`${((Date.now() - startedAt) / 60_000).toFixed(1)} minutes`);
  console.log(`${outcomes.length - survived.length} caught, ${survived.length} survived`);
  if (survived.length > 0 || outcomes.length === 0) process.exitCode = 1;
}

function isNamed({ law, wrong, file }: Mutation, words: readonly string[]): boolean {
  const text = `law ${law}: ${wrong} ${file}`;
  return words.length === 0 || words.some((word) => text.includes(word));
}

type Trial = (workspace: Workspace, mutation: Mutation) => Promise<Pick<Outcome, 'noticedBy' | 'problem'>>;

/** Tries as many mutations at a time as there are cores, each in a copy of its own. */
async function tryAll(mutations: readonly Mutation[], trial: Trial): Promise<Outcome[]> {
  const waiting = [...mutations];
  const outcomes: Outcome[] = [];
  const workspaces = Array.from({ length: availableParallelism() }, () => new Workspace());
  // This also runs after Ctrl-C.
  process.on('exit', () => {
    for (const workspace of workspaces) workspace.remove();
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  const work = async (workspace: Workspace) => {
    for (let mutation = waiting.shift(); mutation; mutation = waiting.shift()) {
      const outcome = await tryOne(workspace, mutation, trial);
      outcomes.push(outcome);
      console.log(lineOf(outcome));
    }
    workspace.runner.close();
  };
  await Promise.all(workspaces.map(work));
  return outcomes;
}

async function tryOne(workspace: Workspace, mutation: Mutation, trial: Trial): Promise<Outcome> {
  const startedAt = Date.now();
  const outcome = await workspace
    .withMutation(mutation, () => trial(workspace, mutation))
    .catch((error: unknown) => ({ problem: error instanceof Error ? error.message : String(error) }));
  return { mutation, seconds: (Date.now() - startedAt) / 1000, ...outcome };
}

const tryTests: Trial = async ({ runner }, { file, caughtBy, title }) => {
  const { failed, passed, problem } = await runner.run({ tests: caughtBy, title, changed: file });
  const [noticedBy] = failed;
  return noticedBy === undefined ? { problem: problem ?? `${passed.length} tests passed` } : { noticedBy };
};

const tryModel: Trial = async ({ runner }, { file }) => {
  const request = { tests: 'test/model/model.test.ts', title: undefined, changed: file };
  const { message = '' } = await runner.run(request, MODEL_TIMEOUT_MS);
  const moves = /a law is broken after (\d+) moves/.exec(message)?.[1];
  return moves === undefined
    ? { problem: 'the model notices nothing' }
    : { noticedBy: `the model, after ${moves} moves` };
};

await main();
