import type { RequestContext } from '../context.ts';
import { errorName } from '../log.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { isWorthStoring, retentionMs, type Ttls } from './freshness.ts';
import type { Lookup } from './lookup.ts';
import type { BlobDescriptorService } from './provider.ts';

/**
 * Stores what the origin confirmed, after the reply has gone out. A fault of the store ends it: what could not be read
 * is not overwritten.
 * @param known what stands in the cache, asked for only now where the caller was not yet trusted with it
 * @returns settles when it is over, never rejects; `undefined` where nothing that is stored could ever be used
 */
export function writeBack(
  ctx: RequestContext,
  digest: Digest,
  entry: Entry,
  known: () => Promise<Lookup>,
  { writer, ttls }: { writer: BlobDescriptorService; ttls: Ttls },
): Promise<void> | undefined {
  if (retentionMs(ttls) === 0) return undefined;
  ctx.emit({ kind: 'write-back', outcome: 'begun' });
  const work = store();
  ctx.waitUntil(work);
  return work;

  async function store(): Promise<void> {
    const found = await known();
    if (found.outcome === 'fault') return ctx.emit({ kind: 'write-back', outcome: 'fault' });
    if (!isWorthStoring(entry, found.outcome === 'hit' ? found.entry : undefined, ttls)) {
      return ctx.emit({ kind: 'write-back', outcome: 'unneeded' });
    }
    try {
      await writer.setDescriptor(ctx, digest, entry);
      ctx.emit({ kind: 'write-back', outcome: 'done' });
    } catch (fault) {
      ctx.emit({ kind: 'write-back', outcome: 'fault' });
      ctx.log.warn('write-back failed', { error: errorName(fault) });
    }
  }
}
