import { within } from '../async.ts';
import type { ByteStore } from '../bytes/byteStore.ts';
import type { Breaker } from '../cache/guarded.ts';
import type { RequestContext } from '../context.ts';
import { type AskedRange, type Part, partOf } from '../http/ranges.ts';
import type { OpenFills } from '../isolate/openFills.ts';
import type { Digest } from '../oci/digest.ts';
import { asCacheFault, BadRecord, CacheFault } from '../stores/faults.ts';
import { errorName } from '../telemetry/log.ts';

/** `BLOB_STORE`: where the edge keeps bytes of blobs, for all upstreams. */
export interface BlobBytes {
  readonly store: ByteStore;
  readonly breaker: Breaker;
  readonly fills: OpenFills;
  /** `BLOB_MAX_BYTES`: larger blobs are not stored. */
  readonly maxBytes: number;
  /** `BLOB_FILL`: what fills the store. */
  readonly fillsFromPulls: boolean;
  readonly fillsFromPushes: boolean;
}

/** What the byte store has of a blob for one request. */
export interface FoundBytes {
  /** Of the whole blob, in bytes. */
  readonly size: number;
  /** What is asked for; `undefined`: the whole. */
  readonly part: Part | 'unsatisfiable' | undefined;
  /** Has to be read or cancelled; absent where there is nothing to send. */
  readonly body?: ReadableStream<Uint8Array>;
}

/** The result of a look at the byte store. After a fault nothing is filled (law 3). */
export type BytesLook =
  | { readonly outcome: 'hit'; readonly found: FoundBytes }
  | { readonly outcome: 'miss' | 'fault' };

/** What only the origin can answer. */
export type KnownRange = Exclude<AskedRange, { kind: 'other' }>;

/** A blob, or a part of it. */
export interface Wanted {
  readonly digest: Digest;
  readonly asked: KnownRange;
  /** Of the blob, in bytes, as somebody states it. It saves a question where a part is asked for. */
  readonly knownSize?: number | undefined;
}

/** A store that takes longer counts as failed, and the origin answers. */
const MAX_LOOK_MS = 1_000;
/** What comes after so long is left to the garbage collector. */
const MAX_LATE_MS = 5_000;

/**
 * Looks for the bytes of a blob. Whoever calls this has decided before that the client may have them. It never rejects:
 * a store that fails is a fault.
 */
export async function findBytes(ctx: RequestContext, bytes: BlobBytes, wanted: Wanted): Promise<BytesLook> {
  const startedAt = ctx.now();
  const look = await bytes
    .breaker(ctx, () => find(ctx, bytes.store, wanted))
    .catch((fault): BytesLook => {
      ctx.log.warn('fault of the byte store', { error: errorName(fault) });
      return { outcome: 'fault' };
    });
  ctx.emit({ kind: 'bytes', store: bytes.store.name, outcome: look.outcome, ms: ctx.now() - startedAt });
  return look;
}

/** Whether the byte store has a blob, as far as it can tell. */
export async function hasBytes(ctx: RequestContext, { store, breaker }: BlobBytes, digest: Digest): Promise<boolean> {
  const looking = breaker(ctx, () => inTime(ctx, () => store.sizeOf(digest)));
  const size = await looking.catch((fault) => {
    ctx.log.warn('fault of the byte store', { error: errorName(fault) });
    return undefined;
  });
  return size !== undefined;
}

/** @throws CacheFault */
async function find(ctx: RequestContext, store: ByteStore, { digest, asked, knownSize }: Wanted): Promise<BytesLook> {
  const sizeOf = () => inTime(ctx, () => store.sizeOf(digest));
  const open = (part?: Part) =>
    inTime(
      ctx,
      () => store.open(digest, part),
      (late) => late?.body.cancel(),
    );
  if (asked.kind === 'whole') {
    const opened = await open();
    return opened ? { outcome: 'hit', found: { ...opened, part: undefined } } : { outcome: 'miss' };
  }
  const size = knownSize ?? (await sizeOf());
  if (size === undefined) return { outcome: 'miss' };
  const part = partOf(asked, size);
  const opened = part === 'unsatisfiable' ? await sizeAlone(sizeOf) : await open(part);
  if (!opened) return { outcome: 'miss' };
  if (opened.size === size) return { outcome: 'hit', found: { ...opened, part } };
  // The part was chosen by a size that a cached descriptor, or the origin, stated wrongly.
  await opened.body?.cancel();
  throw new BadRecord('the stored bytes have another size');
}

/** Nothing has to be opened where nothing is sent. */
async function sizeAlone(sizeOf: () => Promise<number | undefined>): Promise<Omit<FoundBytes, 'part'> | undefined> {
  const size = await sizeOf();
  return size === undefined ? undefined : { size };
}

/** @param discard disposes of a result that comes too late @throws CacheFault */
async function inTime<T>(
  ctx: RequestContext,
  work: () => Promise<T>,
  discard: (late: T) => unknown = () => undefined,
): Promise<T> {
  const working = asCacheFault('a read of the byte store', work);
  const late = Symbol('late');
  const result = await within<T, symbol>(working, MAX_LOOK_MS, late);
  if (typeof result !== 'symbol') return result;
  const discarding = working.then(discard, () => undefined);
  ctx.waitUntil(within(discarding, MAX_LATE_MS));
  throw new CacheFault('the byte store does not answer in time');
}
