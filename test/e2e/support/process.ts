import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { atEnd } from './cleanup.ts';
import { until } from './until.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that has been started. */
export interface Running {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  /**
   * Waits until the program prints something that matches.
   * @throws Error it ends before, or prints nothing that matches in time
   */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal, by default TERM, and KILL if the program does not end in time. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

/** The only variables that a child inherits, so that the caller's settings do not change what is tested. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG'];
const STOP_LIMIT_MS = 10_000;

/** The programs that run. An aborted test run leaves none of them behind. */
const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** Starts a program, which is stopped after the tests, whatever happens. */
export function run(command: string, args: readonly string[], env: Record<string, string> = {}): Running {
  const inherited = Object.fromEntries(INHERITED.flatMap((name) => [[name, process.env[name] ?? '']]));
  const child = spawn(command, args, { env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }));
  alive.add(child);
  child.once('exit', () => alive.delete(child));

  let ended: string | undefined;
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  exited.then(
    ({ code, signal }) => {
      ended = String(signal ?? code);
    },
    (error) => {
      ended = String(error);
    },
  );

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    try {
      return await exited;
    } finally {
      clearTimeout(timer);
    }
  }
  atEnd(() => (ended ? Promise.resolve() : stop()));

  return {
    pid: child.pid ?? 0,
    exited,
    stdout: () => stdout,
    stderr: () => stderr,
    waitFor: (pattern) =>
      until(`${command} prints ${pattern}`, () => {
        const match = pattern.exec(stdout) ?? pattern.exec(stderr);
        if (!match && ended)
          throw new Error(`${command} ended (${ended}) before it printed ${pattern}:\n${stdout}${stderr}`);
        return match ?? undefined;
      }),
    stop,
  };
}
