import { within } from '../within.ts';

/**
 * Questions of this isolate that the origin is being asked. Whoever would ask the same meanwhile waits until the answer
 * stands in the store, then looks there: nothing of one request is handed to another.
 */
export interface Flights {
  /** Opens a question. @returns what to call when its answer has landed or failed; `undefined` where it is open already */
  open(question: string): (() => void) | undefined;
  /** Waits until an open question has landed, for a bounded time. */
  landing(question: string): Promise<void>;
}

/**
 * A promise that another request has to keep may never be kept: the platform ends a request whose client has left.
 * After this a follower asks for itself.
 */
const FOLLOW_MS = 5_000;

export function createFlights(): Flights {
  const flights = new Map<string, Promise<void>>();
  return {
    open(question) {
      if (flights.has(question)) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      flights.set(question, promise);
      return () => {
        if (flights.get(question) === promise) flights.delete(question);
        resolve();
      };
    },
    async landing(question) {
      const flight = flights.get(question);
      if (!flight) return;
      await within(flight, FOLLOW_MS);
      // One that never lands must not make everybody wait.
      if (flights.get(question) === flight) flights.delete(question);
    },
  };
}
