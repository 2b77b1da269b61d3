import type { Entry } from '../oci/descriptor.ts';
import type { RepositoryName } from '../oci/name.ts';
import { within } from '../within.ts';

/** What is asked: identical questions of identical callers may have one answer. */
export interface Question {
  readonly name: RepositoryName;
  /** All else that makes the question, the credential among it. */
  readonly rest: string;
}

/** A question that this isolate is asking the origin. */
export interface Flight {
  /** The origin has answered: its entry, or `undefined` for anything but a confirmed 200. */
  answered(entry: Entry | undefined): void;
  /** The answer stands in the store, or will not. */
  landed(): void;
}

/** One question for many askers. Only plain data passes from one request to another, never I/O. */
export interface Flights {
  /** @returns `undefined` where the question is open already */
  open(question: Question): Flight | undefined;
  /**
   * Waits for an open question, for a bounded time.
   * @returns the entry that the origin confirmed while we waited; `landed`: the origin had answered before we came, look
   *   into the store now; `undefined`: nothing to share, ask
   */
  join(question: Question): Promise<Entry | 'landed' | undefined>;
  /** After a write or a delete nobody may join what was asked before it. */
  close(name: RepositoryName): void;
}

/**
 * A promise that another request has to keep may never be kept: the platform ends a request whose client has left.
 * After this a follower asks for itself.
 */
const FOLLOW_MS = 5_000;

interface OpenFlight {
  readonly answer: Promise<Entry | undefined>;
  readonly landing: Promise<void>;
  isAnswered: boolean;
}

export function createFlights(): Flights {
  const flights = new Map<string, OpenFlight>();
  const keyOf = ({ name, rest }: Question) => `${name} ${rest}`;

  return {
    open(question) {
      const key = keyOf(question);
      if (flights.has(key)) return undefined;
      const answer = Promise.withResolvers<Entry | undefined>();
      const landing = Promise.withResolvers<void>();
      const flight: OpenFlight = { answer: answer.promise, landing: landing.promise, isAnswered: false };
      flights.set(key, flight);
      return {
        answered(entry) {
          flight.isAnswered = true;
          answer.resolve(entry);
        },
        landed() {
          if (flights.get(key) === flight) flights.delete(key);
          landing.resolve();
        },
      };
    },
    async join(question) {
      const key = keyOf(question);
      const flight = flights.get(key);
      if (!flight) return undefined;
      const shared = flight.isAnswered
        ? await within(
            flight.landing.then(() => 'landed' as const),
            FOLLOW_MS,
          )
        : await within(
            flight.answer.then((entry) => ({ entry })),
            FOLLOW_MS,
          );
      if (shared) return shared === 'landed' ? shared : shared.entry;
      // One that never lands must not make everybody wait.
      if (flights.get(key) === flight) flights.delete(key);
      return undefined;
    },
    close(name) {
      for (const key of flights.keys()) {
        if (key.startsWith(`${name} `)) flights.delete(key);
      }
    },
  };
}
