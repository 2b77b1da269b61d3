import { readdir, readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

const POLL_MS = 20;

/** A process below another one (Linux). */
export async function childNamed(parent: number, name: string): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const [, command, ppid] = /^\d+ \((.+)\) \S (\d+)/.exec(stat) ?? [];
    if (command === name && Number(ppid) === parent) return Number(pid);
  }
  throw new Error(`${parent} has no child ${name}`);
}

/** How much of a process is in memory now (Linux). */
export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024);
}

/** The most of it that was seen in memory while some work was done. */
export async function peakMib(pid: number, work: () => Promise<unknown>): Promise<number> {
  let peak = await residentMib(pid);
  let done = false;
  const working = work().finally(() => {
    done = true;
  });
  while (!done) {
    await setTimeout(POLL_MS);
    peak = Math.max(peak, await residentMib(pid));
  }
  await working;
  return peak;
}
