import type { Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryRecords } from '../descriptorRecords.ts';
import type { Stored } from '../records.ts';
import { withTimeout } from '../timeout.ts';
import type { Objects } from './requests.ts';
import type { Terms } from './rpc.ts';

/** How many digests one request has at most. */
const BATCH = 1_000;
/** How many entries one request removes: their digests are returned, in a second at most. */
const MAX_CLEARED = 100_000;

/** The entries of one link set in the object of a repository: every operation is one request. */
export function createDurableDescriptors(
  { objectOf, send }: Objects,
  name: string,
  links: LinkSet,
  terms: Terms,
): RepositoryRecords {
  const keysOf = (digests: Iterable<string>) => ({ ...terms, links, digests: [...digests] });
  return {
    batch: BATCH,
    async read(_ctx, digests) {
      const { rows, lookedAt } = await withTimeout(objectOf(name).readEntries(keysOf(digests)));
      return rows.map(({ entry, clearedUntil }): Stored<Entry> => ({ value: entry, clearedUntil, lookedAt }));
    },
    write: (ctx, digests, value, lookedAt) =>
      send(ctx, { name }, 'write', ['entry', keysOf(digests), { value, lookedAt }]),
    writeTombstone: (ctx, digest, clearing) => send(ctx, { name }, 'clear', ['mark', keysOf([digest]), clearing]),
    clear: (ctx, digests, clearing) => send(ctx, { name }, 'clear', ['entries', keysOf(digests), clearing]),
    hide: undefined,
    async clearPresent(ctx, digests, clearing) {
      return (await send(ctx, { name }, 'clear', ['presentEntries', keysOf(digests), clearing])) as Digest[];
    },
    async list(_ctx, cursor = '') {
      const digests = await withTimeout(objectOf(name).listEntries({ ...terms, links }, cursor, BATCH));
      return { digests: digests as Digest[], cursor: digests.length < BATCH ? undefined : digests.at(-1) };
    },
    clearAll: (ctx, clearing, most) =>
      send(ctx, { name }, 'clear', ['allEntries', { ...terms, links }, clearing, Math.min(most, MAX_CLEARED)]),
  };
}
