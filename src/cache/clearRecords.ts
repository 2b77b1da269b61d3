import type { RequestContext } from '../context.ts';
import { checkEntry } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { BadRecord, tryParse } from '../stores/faults.ts';
import type { Records, StoredRecord } from '../stores/records.ts';
import { type Clearing, isAlive } from '../stores/tombstone.ts';

/** Reads records, and checks that they can be what is asked for. */
export async function readChecked(
  ctx: RequestContext,
  records: Records,
  digests: readonly Digest[],
): Promise<(StoredRecord | BadRecord)[]> {
  const found = await records.read(ctx, digests);
  return found.map((record, at) => {
    const [digest, entry] = [digests[at], 'entry' in record && record.entry];
    const wrong = digest && entry ? tryParse(() => checkEntry(digest, entry)) : undefined;
    return wrong ?? record;
  });
}

/**
 * Clears those that are there, in the way of `clearing`.
 * @returns which could have answered, canonical digests of aliases among them
 */
export async function clearPresentRecords(
  ctx: RequestContext,
  records: Records,
  digests: readonly Digest[],
  clearing: Clearing,
): Promise<Digest[]> {
  const found = new Map<Digest, StoredRecord | BadRecord>();
  const look = async (some: readonly Digest[]) => {
    const read = some.length > 0 ? await readChecked(ctx, records, some) : [];
    for (const [at, record] of read.entries()) found.set(some[at] as Digest, record);
  };
  const those = (some: Iterable<Digest>, is: (record: StoredRecord | BadRecord) => boolean) =>
    [...some].filter((digest) => is(found.get(digest) ?? { entry: undefined, cleared: 0 }));

  await look(digests);
  const present = those(digests, (record) => isPresent(record, clearing));
  // They go along, and count.
  const canonical = new Set(present.map((digest) => canonicalIn(found.get(digest)) ?? digest));
  const others = canonical.difference(new Set(digests));
  await look([...others]);
  if (present.length > 0) await clearAll(ctx, records, present, clearing);
  return those([...present, ...others], (record) => couldAnswer(record) && isPresent(record, clearing));
}

function canonicalIn(record: StoredRecord | BadRecord | undefined): Digest | undefined {
  return record instanceof BadRecord ? undefined : record?.entry?.descriptor.digest;
}

/** Something that can be removed; what cannot be read is. An entry that a registry wrote may be younger than any tombstone. */
function isPresent(record: StoredRecord | BadRecord, { until, sparesLater }: Clearing): boolean {
  if (record instanceof BadRecord) return true;
  const { entry, cleared, isHalfCleared = false } = record;
  if (!entry) return isHalfCleared;
  if (entry.verifiedAt === 0) return true;
  return isAlive(entry.verifiedAt, cleared) && (!sparesLater || entry.verifiedAt <= until);
}

/** What was cleared by half, or is buried, could not; nobody knows it of what cannot be read. */
function couldAnswer(record: StoredRecord | BadRecord): boolean {
  if (record instanceof BadRecord) return true;
  return record.entry !== undefined && isAlive(record.entry.verifiedAt, record.cleared);
}

/** Clears all of them, and of an alias the canonical entry too. */
export async function clearAll(
  ctx: RequestContext,
  records: Records,
  digests: readonly Digest[],
  clearing: Clearing,
): Promise<void> {
  const named = await records.clear(ctx, digests, clearing);
  // Rubbish in the store names nothing that could be cleared as well, and the digest itself is.
  const canonical = named.filter((text) => text !== undefined && isDigest(text)) as Digest[];
  const left = new Set(canonical).difference(new Set(digests));
  if (left.size > 0) await records.clear(ctx, [...left], clearing);
}
