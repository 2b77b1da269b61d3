import type { RequestContext } from '../context.ts';
import { checkEntry, type Entry } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import type { DescriptorRecords } from '../stores/descriptorRecords.ts';
import { BadRecord, tryParse } from '../stores/faults.ts';
import { couldAnswer, isPresent } from '../stores/present.ts';
import type { Stored } from '../stores/records.ts';
import type { Clearing } from '../stores/tombstone.ts';

type StoredEntry = Stored<Entry> | BadRecord;

/** Reads records and validates their entries. @returns a record for each digest, or a `BadRecord` */
export async function readRecords(
  ctx: RequestContext,
  records: DescriptorRecords,
  digests: readonly Digest[],
): Promise<StoredEntry[]> {
  const stored = await records.read(ctx, digests);
  return stored.map((record, at) => {
    const [digest, entry] = [digests[at], record instanceof BadRecord ? undefined : record.value];
    const bad = digest && entry ? tryParse(() => checkEntry(digest, entry)) : undefined;
    return bad ?? record;
  });
}

/**
 * Clears the digests that are present, and leaves the others alone.
 * @returns the digests that could have answered, including the canonical digests of aliases
 */
export async function clearPresentRecords(
  ctx: RequestContext,
  records: DescriptorRecords,
  digests: readonly Digest[],
  clearing: Clearing,
): Promise<Digest[]> {
  const found = new Map<Digest, StoredEntry>();
  const read = async (batch: readonly Digest[]) => {
    const stored = batch.length > 0 ? await readRecords(ctx, records, batch) : [];
    for (const [at, record] of stored.entries()) found.set(batch[at] as Digest, record);
  };
  const filter = (batch: Iterable<Digest>, is: (record: StoredEntry) => boolean) =>
    [...batch].filter((digest) => is(found.get(digest) ?? { value: undefined, clearedUntil: 0 }));

  await read(digests);
  // A malformed record is removed, and might have answered.
  const isThere = (record: StoredEntry) => record instanceof BadRecord || isPresent(record, clearing);
  const present = filter(digests, isThere);
  // The canonical entries of aliases are cleared with them, and so they count as well.
  const canonical = new Set(present.map((digest) => canonicalDigestOf(found.get(digest)) ?? digest));
  const others = canonical.difference(new Set(digests));
  await read([...others]);
  if (present.length > 0) await clearWithCanonical(ctx, records, present, clearing);
  return filter(
    [...present, ...others],
    (record) => record instanceof BadRecord || (couldAnswer(record) && isPresent(record, clearing)),
  );
}

function canonicalDigestOf(record: StoredEntry | undefined): Digest | undefined {
  return record instanceof BadRecord ? undefined : record?.value?.descriptor.digest;
}

/** Clears digests, present or not; for an alias, also its canonical digest. */
export async function clearWithCanonical(
  ctx: RequestContext,
  records: DescriptorRecords,
  digests: readonly Digest[],
  clearing: Clearing,
): Promise<void> {
  const named = await records.clear(ctx, digests, clearing);
  // A name that is not a digest comes from a malformed record, and is ignored.
  const canonical = named.filter((text) => text !== undefined && isDigest(text)) as Digest[];
  const others = new Set(canonical).difference(new Set(digests));
  if (others.size > 0) await records.clear(ctx, [...others], clearing);
}
