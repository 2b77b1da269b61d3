import { type ChildProcess, fork, type StdioOptions } from 'node:child_process';
import { join } from 'node:path';
import type { TestRequest, TestRun } from './testRun.ts';

/** A test that waits for what a mutation prevents fails by its own limit, long before this. */
const TIMEOUT_MS = 180_000;
const OUTPUT_CHARACTERS = 500;

/** Runs tests of a copy of the project, one file after the other, in a process that it starts when it needs one. */
export class TestRunner {
  readonly #folder: string;
  #process: ChildProcess | undefined;
  /** The end of what the process wrote. */
  #output = '';

  /** @param folder of the copy */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Runs tests up to the first that fails. A process that does not answer in time, or ends, is replaced. */
  async run(request: TestRequest, timeoutMs = TIMEOUT_MS): Promise<TestRun> {
    if (!this.#process?.connected) this.#process = this.#start();
    const answer = await answerOf(this.#process, request, timeoutMs);
    if (answer) return answer;
    killGroup(this.#process);
    this.#process = undefined;
    return { failed: [], passed: [], problem: `no results: ${this.#output}` };
  }

  /** Lets the process end. */
  close(): void {
    if (this.#process?.connected) this.#process.disconnect();
    this.#process = undefined;
  }

  #start(): ChildProcess {
    const script = join(this.#folder, 'test', 'mutants', 'vitestProcess.ts');
    const env = { ...process.env, PWD: this.#folder };
    // Detached, it leads a group of processes.
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc'];
    const started = fork(script, { cwd: this.#folder, env, stdio, detached: true });
    const collect = (piece: Buffer) => {
      this.#output = (this.#output + piece).slice(-OUTPUT_CHARACTERS);
    };
    started.stdout?.on('data', collect);
    started.stderr?.on('data', collect);
    return started;
  }
}

/** Ends a process and all that it started, even if it hangs. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** @returns `undefined` if the process did not answer in time, or has ended */
function answerOf(runner: ChildProcess, request: TestRequest, timeoutMs: number): Promise<TestRun | undefined> {
  return new Promise((resolve) => {
    const settle = (answer?: TestRun) => {
      clearTimeout(timer);
      runner.off('message', settle).off('exit', leave).off('error', leave);
      resolve(answer);
    };
    const leave = () => settle();
    const timer = setTimeout(leave, timeoutMs);
    runner.on('message', settle).on('exit', leave).on('error', leave);
    runner.send(request);
  });
}
