import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const pending: (() => Promise<unknown>)[] = [];

/** Schedules work for when the tests of the current `describe` are over, whether they passed or failed. */
export function atEnd(work: () => Promise<unknown>): void {
  pending.push(work);
}

/** Does all scheduled work, last in, first out; a failure does not keep the rest from running. */
export async function cleanUp(): Promise<void> {
  const errors: unknown[] = [];
  for (let work = pending.pop(); work; work = pending.pop()) {
    await work().catch((error) => errors.push(error));
  }
  if (errors.length > 0) throw new AggregateError(errors, 'the cleanup failed');
}

/** Makes an empty folder, which is removed after the tests. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-edge-e2e-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
