import { batchesOf, eachInTurn } from '../async.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryRecords } from '../stores/descriptorRecords.ts';
import { BadRecord } from '../stores/faults.ts';
import type { Stored } from '../stores/records.ts';
import { isAlive } from '../stores/tombstone.ts';
import { readRecords } from './clearRecords.ts';
import type { FoundEntry } from './provider.ts';

/** Looks up many digests as `RepositoryDescriptors.statEach` does. @throws what the store throws */
export async function statEach(
  ctx: RequestContext,
  records: RepositoryRecords,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, FoundEntry>> {
  const stored = new Map<Digest, Stored<Entry>>();
  const read = (list: readonly Digest[]) =>
    eachInTurn(batchesOf(list, records.batch), async (batch) => {
      for (const [at, record] of (await readRecords(ctx, records, batch)).entries()) {
        if (!(record instanceof BadRecord)) stored.set(batch[at] as Digest, record);
      }
    });

  await read(digests);
  const canonical = new Set([...stored.values()].flatMap(({ value }) => value?.descriptor.digest ?? []));
  await read([...canonical.difference(new Set(digests))]);
  return new Map(
    digests.flatMap((digest) => {
      const record = stored.get(digest);
      return record ? [[digest, judgeAlias(record, stored)] as const] : [];
    }),
  );
}

/** Judges a record, together with the canonical one if it is an alias, which counts only while that one does. */
function judgeAlias(
  { value, clearedUntil, lookedAt }: Stored<Entry>,
  stored: ReadonlyMap<Digest, Stored<Entry>>,
): FoundEntry {
  const canonical = value && stored.get(value.descriptor.digest);
  const farthest = Math.max(clearedUntil, canonical?.clearedUntil ?? 0);
  const counts = canonical?.value !== undefined && isAlive(value?.verifiedAt ?? 0, farthest);
  return { entry: counts ? value : undefined, clearedUntil: farthest, lookedAt };
}
