import { within } from '../within.ts';

/**
 * Questions of this isolate that the origin is being asked. Whoever asks the same meanwhile waits until the answer stands
 * in the store, then looks there: nothing of one request is handed to another, so no promise of I/O crosses between them.
 */
export interface Flights {
  /** Waits for an open identical question, for a bounded time, as long as there is one. */
  follow(question: string): Promise<void>;
  /** Opens a question; call what it returns when the answer has landed or failed. */
  open(question: string): () => void;
}

/**
 * A promise that another request has to keep may never be kept: the platform ends a request whose client has left.
 * After this a follower asks for itself.
 */
const FOLLOW_MS = 5_000;

export function createFlights(): Flights {
  const open = new Map<string, Promise<void>>();
  return {
    async follow(question) {
      const landing = open.get(question);
      if (landing) await within(landing, FOLLOW_MS);
    },
    open(question) {
      const { promise, resolve } = Promise.withResolvers<void>();
      open.set(question, promise);
      return () => {
        if (open.get(question) === promise) open.delete(question);
        resolve();
      };
    },
  };
}
