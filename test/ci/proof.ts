import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

/** A random test in its long form. */
interface Part {
  readonly arguments: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Another seed for each proof, unless the environment says which. */
const SEED = String(Math.floor(Date.now() / 1_000));

const PARTS: Readonly<Record<string, Part>> = {
  model: { arguments: ['test/model/model.test.ts'], env: { MODEL_MOVES: '1000000', MODEL_SEED: SEED } },
  worlds: {
    arguments: ['--config', 'vitest.e2e.config.ts', 'test/e2e/worlds.test.ts'],
    env: { WORLDS_REQUESTS: '100000', WORLDS_SEED: SEED },
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
    const { status } = spawnSync(process.execPath, args, { env: { ...part.env, ...process.env }, stdio: 'inherit' });
    const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1);
    console.info(`${name}: ${status === 0 ? 'no violation' : 'FAILED'}, ${minutes} minutes`);
    if (status !== 0) process.exitCode = 1;
  }
}

main();
