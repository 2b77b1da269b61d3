import type { Entry } from '../oci/descriptor.ts';
import type { Stored } from './records.ts';
import { type Clearing, isAlive } from './tombstone.ts';

/**
 * Whether there is something to remove. That includes an entry that was never confirmed: a registry may have written it
 * after any tombstone.
 */
export function isPresent(
  { value: entry, clearedUntil, isHalfCleared = false }: Stored<Entry>,
  { until, sparesLater }: Clearing,
): boolean {
  if (!entry) return isHalfCleared;
  if (entry.verifiedAt === 0) return true;
  return isAlive(entry.verifiedAt, clearedUntil) && (!sparesLater || entry.verifiedAt <= until);
}

/** Whether the record could have answered: a half-cleared one could not, nor one behind a tombstone. */
export function couldAnswer({ value: entry, clearedUntil }: Stored<Entry>): boolean {
  return entry !== undefined && isAlive(entry.verifiedAt, clearedUntil);
}
