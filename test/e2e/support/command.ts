import { execFile } from 'node:child_process';
import { temporaryFolder } from './cleanup.ts';
import { findTool, type Tool } from './tools.ts';

/** How a client's run ended. */
export interface Outcome {
  readonly code: number;
  /** What it printed to stdout, followed by stderr. */
  readonly output: string;
}

/** Matches a success. Compare with `toMatchObject`, whose message shows the output of a failure. */
export const SUCCESS = { code: 0 } as const;

const LIMIT_MS = 45_000;

/**
 * Runs a client without the user's logins and configuration.
 * @param env its environment, in addition to `PATH` and an empty `HOME`
 * @param limitMs after this it is ended
 */
export async function runClient(
  tool: Tool,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  limitMs = LIMIT_MS,
): Promise<Outcome> {
  const HOME = await temporaryFolder();
  const options = { env: { PATH: process.env.PATH, HOME, ...env }, timeout: limitMs };
  return new Promise((resolve) => {
    execFile(findTool(tool) ?? tool, args, options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, output: stdout + stderr });
    });
  });
}
