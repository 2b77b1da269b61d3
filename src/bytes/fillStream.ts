import type { FillOutcome } from '../telemetry/events.ts';
import type { ByteStore, NewBytes } from './byteStore.ts';
import { StoreSide } from './storeSide.ts';

export interface FillOptions extends Pick<NewBytes, 'digest' | 'size'> {
  readonly store: ByteStore;
  /** Aborted when the client has left. */
  readonly left: AbortSignal;
}

export interface Filling {
  /** The stream for the client. */
  readonly body: ReadableStream<Uint8Array>;
  /** Settles when all is over; it never rejects. */
  readonly over: Promise<FillOutcome>;
}

/** How much is read at once, and held in memory. */
const PIECE_BYTES = 256 * 1024;
/** After the client has left, the rest is fetched if no more than this share is missing, and for so long. */
const MAX_MISSING_SHARE = 0.25;
const MAX_REST_MS = 20_000;

/**
 * Passes a blob from the origin to the client and into the store at once. Each piece is read when both have taken the
 * one before, so the slower of them sets the pace, and one piece is all that is held: never a `tee`, which buffers what
 * the slower one has not read. A store that makes the client wait is given up. The client gets the last piece when the
 * store says that the bytes are right; if they are wrong, its stream breaks.
 * @param source the origin's body, of exactly `size` bytes
 */
export function fillStream(source: ReadableStream<Uint8Array>, options: FillOptions): Filling {
  const { size, left } = options;
  const { readable, writable } = new FixedLengthStream(size);
  const reader = source.getReader({ mode: 'byob' });
  const client = writable.getWriter();
  const store = new StoreSide(options.store, options);
  let passed = 0;
  let hasLeft = false;
  let timer: ReturnType<typeof setTimeout> | null = null;
  if (left.aborted) onLeft();
  left.addEventListener('abort', onLeft);

  /** Goes on without the client if nearly all has passed, and otherwise ends the fill. */
  function onLeft(): void {
    if (hasLeft) return;
    hasLeft = true;
    client.abort(new Error('the client has left')).catch(() => undefined);
    const isNearlyThrough = size - passed <= size * MAX_MISSING_SHARE;
    if (isNearlyThrough && !store.isLost) timer = setTimeout(stop, MAX_REST_MS);
    else stop();
  }

  function stop(): void {
    store.giveUp('failed');
    reader.cancel().catch(() => undefined);
  }

  async function toClient(piece: Uint8Array): Promise<void> {
    if (!hasLeft) await client.write(piece).catch(onLeft);
  }

  async function finish(last: Uint8Array): Promise<FillOutcome> {
    const verdict = await store.finish(last);
    if (verdict === 'wrong') {
      await client.abort(new Error('the bytes do not match their digest')).catch(() => undefined);
      return verdict;
    }
    await toClient(last);
    if (!hasLeft) await client.close().catch(onLeft);
    return verdict === 'late' ? store.ended() : verdict;
  }

  async function pump(): Promise<FillOutcome> {
    for (let buffer = new ArrayBuffer(Math.min(PIECE_BYTES, size)); ; ) {
      const { value } = await reader.read(new Uint8Array(buffer));
      if (!value?.length) throw new Error('the body broke off');
      passed += value.length;
      if (passed >= size) return finish(value);
      const [isFree] = await Promise.all([store.write(value), toClient(value)]);
      if (hasLeft && store.isLost) throw new Error('nobody needs the rest');
      buffer = isFree ? (value.buffer as ArrayBuffer) : new ArrayBuffer(value.buffer.byteLength);
    }
  }

  const over = pump()
    .catch((cause): FillOutcome => {
      store.giveUp('failed');
      client.abort(cause).catch(() => undefined);
      reader.cancel(cause).catch(() => undefined);
      return 'broken';
    })
    .then((outcome) => (hasLeft && outcome !== 'stored' ? 'left' : outcome))
    .finally(() => {
      clearTimeout(timer);
      left.removeEventListener('abort', onLeft);
    });
  return { body: readable, over };
}
