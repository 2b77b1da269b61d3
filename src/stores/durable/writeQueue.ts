/** A write that waits for its turn. */
interface Waiting {
  run(): void;
  resolve(): void;
  reject(reason: unknown): void;
}

/**
 * Writes that can wait. Those that arrive while others are on their way to the disk are written together afterwards, in
 * one transaction. An object sends no answer before what it has written is on the disk, so without this a look would
 * wait for each of the writes before it, and not for one of them.
 */
export class WriteQueue {
  readonly #commit: (run: () => void) => Promise<void>;
  #waiting: Waiting[] = [];
  #isBusy = false;

  /** @param commit runs writes as one transaction, and waits until they are on the disk */
  constructor(commit: (run: () => void) => Promise<void>) {
    this.#commit = commit;
  }

  /** Runs a write in its turn. @returns its result, once it is on the disk @throws what the commit throws */
  async add<T>(write: () => T): Promise<T> {
    let result: T | undefined;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({
      run() {
        result = write();
      },
      resolve,
      reject,
    });
    if (!this.#isBusy) this.#drain();
    await promise;
    return result as T;
  }

  async #drain(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      // One that fails fails alone.
      if (!(await this.#write(batch, batch.length === 1))) for (const one of batch) await this.#write([one], true);
    }
    this.#isBusy = false;
  }

  /** @returns whether the writes are on the disk, or were told that they failed */
  async #write(batch: readonly Waiting[], isLast: boolean): Promise<boolean> {
    try {
      await this.#commit(() => {
        for (const { run } of batch) run();
      });
      for (const { resolve } of batch) resolve();
      return true;
    } catch (error) {
      if (isLast) for (const { reject } of batch) reject(error);
      return isLast;
    }
  }
}
