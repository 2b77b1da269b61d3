import { execFile } from 'node:child_process';
import { temporaryFolder } from './cleanup.ts';
import { find, type Tool } from './tools.ts';

/** How a client ended. */
export interface Outcome {
  readonly code: number;
  /** What it printed, errors too. */
  readonly output: string;
}

/** What a success looks like; the output is told where it is none. */
export const SUCCESS = { code: 0 } as const;

const LIMIT_MS = 45_000;

/**
 * Runs a client with nothing of the user's: no login, no configuration.
 * @param env what it gets beside `PATH` and an empty `HOME`
 */
export async function runClient(
  tool: Tool,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const HOME = await temporaryFolder();
  const options = { env: { PATH: process.env.PATH, HOME, ...env }, timeout: LIMIT_MS };
  return new Promise((resolve) => {
    execFile(find(tool) ?? tool, args, options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, output: stdout + stderr });
    });
  });
}
