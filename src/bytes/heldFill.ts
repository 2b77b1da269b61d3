import type { FillOutcome } from '../telemetry/events.ts';
import type { ByteStore, NewBytes } from './byteStore.ts';
import { StoreSide } from './storeSide.ts';

/** A blob that a client uploads on its way into the store, which gets the last piece only once the origin has it. */
export class HeldFill {
  readonly #size: number;
  readonly #store: StoreSide;
  #passed = 0;
  #last: Uint8Array | undefined;

  constructor(store: ByteStore, blob: Omit<NewBytes, 'body'>) {
    this.#size = blob.size;
    this.#store = new StoreSide(store, blob);
  }

  /** Takes a piece, or copies it if it is the last. @returns whether it needs the next one */
  async write(piece: Uint8Array): Promise<boolean> {
    this.#passed += piece.length;
    if (this.#passed >= this.#size) this.#last = piece.slice();
    else await this.#store.write(piece);
    return !this.#store.isLost;
  }

  /** Ends the fill after the origin has accepted the blob. */
  async finish(): Promise<FillOutcome> {
    if (!this.#last && !this.#store.isLost) {
      this.giveUp();
      return 'broken';
    }
    const verdict = await this.#store.finish(this.#last ?? new Uint8Array());
    return verdict === 'late' ? this.#store.ended() : verdict;
  }

  /** Ends the fill, which then stores nothing: the origin does not have the blob. */
  giveUp(): void {
    this.#store.giveUp('failed');
  }
}
