import { readdir, readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

const POLL_MS = 20;

/**
 * Finds a child process by its command (Linux).
 * @returns its process id
 * @throws Error there is none
 */
export async function childNamed(parent: number, name: string): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const [, command, ppid] = /^\d+ \((.+)\) \S (\d+)/.exec(stat) ?? [];
    if (command === name && Number(ppid) === parent) return Number(pid);
  }
  throw new Error(`process ${parent} has no child called ${name}`);
}

/** The resident memory of all these processes together, in MiB (Linux). */
export async function residentMib(...pids: readonly number[]): Promise<number> {
  const statuses = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8')));
  const kib = statuses.map((status) => Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]));
  return Math.round(kib.reduce((sum, each) => sum + each, 0) / 1_024);
}

/** The largest resident memory, in MiB, that was sampled while the work was done. */
export async function peakMib(pids: readonly number[], work: () => Promise<unknown>): Promise<number> {
  let peak = await residentMib(...pids);
  let isDone = false;
  const working = work().finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await setTimeout(POLL_MS);
    peak = Math.max(peak, await residentMib(...pids));
  }
  await working;
  return peak;
}
