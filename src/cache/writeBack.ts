import type { RequestContext } from '../context.ts';
import { errorName } from '../log.ts';
import type { Digest } from '../oci/digest.ts';
import { isWorthStoring, retentionMs, type Windows } from './freshness.ts';
import type { BlobDescriptorService } from './provider.ts';
import type { Lookup, OriginAnswer } from './readThrough.ts';

/**
 * Stores what the origin confirmed, after the reply has gone out. A fault of the store ends it: what could not be read
 * is not overwritten.
 * @param known what stands in the cache, asked for only now where the caller was not yet trusted with it
 * @returns settles when it is over, never rejects; `undefined` where there is nothing to store
 */
export function writeBack(
  ctx: RequestContext,
  digest: Digest,
  answer: OriginAnswer,
  known: () => Promise<Lookup>,
  { writer, windows }: { writer: BlobDescriptorService; windows: Windows },
): Promise<void> | undefined {
  if (answer.kind !== 'found' || !answer.confirmed || retentionMs(windows) === 0) return undefined;
  const { entry } = answer;
  ctx.emit({ kind: 'write-back', outcome: 'begun' });
  const work = store();
  ctx.waitUntil(work);
  return work;

  async function store(): Promise<void> {
    const found = await known();
    if (found.outcome === 'fault') return ctx.emit({ kind: 'write-back', outcome: 'fault' });
    const stored = found.outcome === 'hit' ? found.entry : undefined;
    if (!isWorthStoring(entry.verifiedAt, stored, windows)) {
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

/** Clears, after the reply, an entry that the origin no longer knows. */
export function evict(ctx: RequestContext, digest: Digest, writer: BlobDescriptorService): void {
  ctx.waitUntil(clearAndTell(ctx, digest, writer).catch(() => undefined));
}

/** @throws CacheFault the store failed: the entry may still answer */
export async function clearAndTell(ctx: RequestContext, digest: Digest, writer: BlobDescriptorService): Promise<void> {
  try {
    await writer.clear(ctx, digest);
    ctx.emit({ kind: 'clear', outcome: 'done' });
  } catch (fault) {
    ctx.emit({ kind: 'clear', outcome: 'fault' });
    ctx.log.warn('clear failed', { error: errorName(fault) });
    throw fault;
  }
}
