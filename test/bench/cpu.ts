import { readFile } from 'node:fs/promises';

/** Of the times in `/proc/<pid>/stat`, on every Linux: proc(5), USER_HZ. */
const TICK_MICROSECONDS = 10_000;

/**
 * Adds to the result of some load the processor's time that a process took for each response, its kernel's included, in
 * microseconds. That hardly depends on what else the machine does. It is NaN where there is no Linux to tell it.
 */
export async function withCpu<T extends { readonly responses: number }>(
  pid: number,
  load: () => Promise<T>,
): Promise<T & { readonly cpuMicroseconds: number }> {
  const before = await cpuOf(pid);
  const result = await load();
  return { ...result, cpuMicroseconds: ((await cpuOf(pid)) - before) / result.responses };
}

async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the program, in parentheses, may have spaces; user and system time are 11 and 12 fields behind its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
}
