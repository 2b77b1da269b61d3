import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

/** A random test in its long form. */
interface Part {
  readonly arguments: readonly string[];
  /** What each of its runs is given. A run is a process of its own: the simulated stores keep all in memory. */
  readonly runs: readonly Readonly<Record<string, string>>[];
}

/** Another seed for each proof, unless the environment says which. */
const SEED = Number(process.env.PROOF_SEED ?? Math.floor(Date.now() / 1_000));
/** The rows of a test have seeds of their own, one after the other. */
const SEEDS_OF_RUN = 100;

const PARTS: Readonly<Record<string, Part>> = {
  model: {
    arguments: ['test/model/model.test.ts'],
    runs: Array.from({ length: 10 }, (_, run) => ({
      MODEL_MOVES: '100000',
      MODEL_SEED: String(SEED + run * SEEDS_OF_RUN),
    })),
  },
  worlds: {
    arguments: ['--config', 'vitest.e2e.config.ts', 'test/e2e/worlds.test.ts'],
    runs: [{ WORLDS_REQUESTS: '100000', WORLDS_SEED: String(SEED) }],
  },
};

/** `npm run proof`, or `npm run proof -- model`: runs the long forms, and says how many minutes each took. */
function main(): void {
  const { positionals } = parseArgs({ allowPositionals: true });
  const names = positionals.length > 0 ? positionals : Object.keys(PARTS);
  for (const name of names) {
    const part = PARTS[name];
    if (!part)
      throw new Error(`${name} is no part of the proof: name some of ${Object.keys(PARTS).join(', ')}, or none`);
    const startedAt = Date.now();
    const args = ['node_modules/vitest/vitest.mjs', 'run', ...part.arguments];
    const failed = part.runs.filter((env) => {
      const { status } = spawnSync(process.execPath, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
      return status !== 0;
    });
    const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1);
    const outcome = failed.length === 0 ? 'no violation' : `FAILED with ${JSON.stringify(failed)}`;
    console.info(`${name}, PROOF_SEED=${SEED}: ${outcome}, ${minutes} minutes`);
    if (failed.length > 0) process.exitCode = 1;
  }
}

main();
