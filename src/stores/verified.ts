import { isContentOf } from '../oci/hash.ts';
import type { StoreName } from '../telemetry/events.ts';
import type { Contents, RawContents } from './contents.ts';
import { asCacheFault, BadRecord, CacheFault } from './faults.ts';

/**
 * Verifies content that comes from a store to which others may write. Corrupted content is removed from the store, and
 * is a miss.
 */
export function verifiedContents(store: StoreName, raw: RawContents): Contents {
  return {
    async get(ctx, digest) {
      const startedAt = ctx.now();
      try {
        const found = await raw.read(ctx, digest).catch(badRecordAsValue);
        const isSound = found && !(found instanceof BadRecord) && (await isContentOf(digest, found.content));
        ctx.emit({ kind: 'stat', store, outcome: isSound ? 'hit' : 'miss', ms: ctx.now() - startedAt });
        if (!found) return undefined;
        if (isSound) {
          if (found.renew) ctx.waitUntil(found.renew());
          return found.content;
        }
        ctx.log.warn('corrupted content', { store, digest });
        await raw.remove(digest).catch(() => undefined);
        return undefined;
      } catch (cause) {
        ctx.emit({ kind: 'stat', store, outcome: 'fault', ms: ctx.now() - startedAt });
        throw new CacheFault('get failed', { cause });
      }
    },
    async put(ctx, digest, content) {
      await asCacheFault('put', () => raw.write(ctx, digest, content));
    },
  };
}

/** @throws every other fault */
function badRecordAsValue(fault: unknown): BadRecord {
  if (fault instanceof BadRecord) return fault;
  throw fault;
}
