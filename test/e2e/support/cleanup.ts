import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const pending: (() => Promise<unknown>)[] = [];

/** Has work done when the tests of the current `describe` are over, failed ones too. */
export function atEnd(work: () => Promise<unknown>): void {
  pending.push(work);
}

/** Does what was left to do, the last first; what fails does not keep the rest from being done. */
export async function cleanUp(): Promise<void> {
  const errors: unknown[] = [];
  for (let work = pending.pop(); work; work = pending.pop()) {
    await work().catch((error) => errors.push(error));
  }
  if (errors.length > 0) throw new AggregateError(errors, 'not everything was cleaned up');
}

/** An empty folder that is gone after the tests. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-edge-e2e-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
