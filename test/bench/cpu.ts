import { readFile } from 'node:fs/promises';

/** The unit of the times in `/proc/<pid>/stat`, on every Linux: proc(5), USER_HZ. */
const TICK_MICROSECONDS = 10_000;

/**
 * Puts load on a process, and adds to the result the CPU time that the process took for each response, in microseconds
 * and including the kernel's. It hardly depends on the rest of the machine's work. It is NaN where there is no `/proc`.
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
  // The program's name, in parentheses, may contain spaces; after it, fields 11 and 12 are the user and system time.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
}
