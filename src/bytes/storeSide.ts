import { within } from '../async.ts';
import type { FillOutcome } from '../telemetry/events.ts';
import { type ByteStore, type NewBytes, WrongBytes } from './byteStore.ts';

/** How a fill can end on the side of the store. */
type StoreOutcome = Extract<FillOutcome, 'stored' | 'wrong' | 'failed' | 'slow'>;

/** A client waits no longer for the store to accept a piece, or to say whether the bytes are right. */
const MAX_WAIT_MS = 1_000;
/** The store may take so long to finish after the client has everything: `waitUntil` has 30 s. */
const MAX_FINISH_MS = 20_000;

/** The way of a blob into the store, which never keeps the client waiting for longer than `MAX_WAIT_MS`. */
export class StoreSide {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #put: Promise<StoreOutcome>;
  #given: StoreOutcome | undefined;

  constructor(store: ByteStore, { digest, size }: Omit<NewBytes, 'body'>) {
    const { readable, writable } = new FixedLengthStream(size);
    this.#writer = writable.getWriter();
    this.#put = store.put({ digest, size, body: readable }).then(
      () => 'stored',
      (cause) => (cause instanceof WrongBytes ? 'wrong' : 'failed'),
    );
  }

  /** Whether the fill is lost: the store has failed, or was given up. */
  get isLost(): boolean {
    return this.#given !== undefined;
  }

  /**
   * Writes a piece, unless the fill is lost. Where that fails or takes too long, it is lost.
   * @returns whether the piece is no longer in use
   */
  async write(piece: Uint8Array): Promise<boolean> {
    if (this.isLost) return true;
    const written = this.#writer.write(piece).then(
      () => 'written' as const,
      () => 'failed' as const,
    );
    // A store that has failed already reads nothing any more.
    const ended = this.#put.then(() => 'failed' as const);
    const outcome = await within(Promise.race([written, ended]), MAX_WAIT_MS, 'slow' as const);
    if (outcome !== 'written') this.giveUp(outcome);
    return outcome === 'written';
  }

  /** Writes the last piece. @returns the verdict of the store; `late` where it takes longer than the client waits */
  async finish(last: Uint8Array): Promise<StoreOutcome | 'late'> {
    if (this.#given) return this.#given;
    this.#writer
      .write(last)
      .then(() => this.#writer.close())
      .catch(() => undefined);
    return within(this.#put, MAX_WAIT_MS, 'late' as const);
  }

  /** Waits for the end of a put that was late. */
  async ended(): Promise<StoreOutcome> {
    const outcome = await within(this.#put, MAX_FINISH_MS, 'slow' as const);
    if (outcome === 'slow') this.giveUp(outcome);
    return outcome;
  }

  /** Ends the put, which then stores nothing. */
  giveUp(outcome: StoreOutcome): void {
    this.#given ??= outcome;
    this.#writer.abort(new Error('the fill was given up')).catch(() => undefined);
  }
}
