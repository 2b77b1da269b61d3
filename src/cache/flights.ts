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
export interface Flight<E extends Entry = Entry> {
  /** The origin has answered: its entry, or `undefined` for anything but a confirmed 200. */
  answered(entry: E | undefined): void;
  /** The answer stands in the store, or will not. */
  landed(): void;
}

/** One question for many askers. Only plain data passes from one request to another, never I/O. */
export interface Flights {
  /**
   * Waits, for a bounded time, while the answer to this question is on its way into the store. Whoever comes after the
   * answer looks there, where a later delete would show.
   */
  landing(question: Question): Promise<void>;
  /**
   * @param anew whether an answer that is there already is too old for this caller, who has not looked into the store
   * @returns `undefined` where somebody leads already
   */
  lead<E extends Entry>(question: Question, anew: boolean): Flight<E> | undefined;
  /** Waits, for a bounded time, for the leader's answer. @returns what it shares, if anything */
  follow<E extends Entry>(question: Question): Promise<E | undefined>;
  /** After a write or a delete nobody may follow what was asked before it. */
  close(name: RepositoryName): void;
}

/**
 * A promise that another request has to keep may never be kept: the platform ends a request whose client has left.
 * After this a follower asks for itself.
 */
const FOLLOW_MS = 10_000;

interface OpenFlight {
  readonly answer: Promise<Entry | undefined>;
  readonly landing: Promise<void>;
  isAnswered: boolean;
}

export function createFlights(): Flights {
  const flights = new Map<string, OpenFlight>();
  const keyOf = ({ name, rest }: Question) => `${name} ${rest}`;

  /** One that never lands must not make everybody wait. */
  async function bounded<T>(key: string, flight: OpenFlight, work: Promise<T>): Promise<T | undefined> {
    const done = await within(
      work.then((value) => ({ value })),
      FOLLOW_MS,
    );
    if (!done && flights.get(key) === flight) flights.delete(key);
    return done?.value;
  }

  return {
    async landing(question) {
      const key = keyOf(question);
      const flight = flights.get(key);
      if (flight?.isAnswered) await bounded(key, flight, flight.landing);
    },
    lead<E extends Entry>(question: Question, anew: boolean): Flight<E> | undefined {
      const key = keyOf(question);
      const flown = flights.get(key);
      if (flown && !(anew && flown.isAnswered)) return undefined;
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
    async follow<E extends Entry>(question: Question): Promise<E | undefined> {
      const key = keyOf(question);
      const flight = flights.get(key);
      // Identical questions have answers of one kind.
      return flight && bounded(key, flight, flight.answer as Promise<E | undefined>);
    },
    close(name) {
      for (const key of flights.keys()) {
        if (key.startsWith(`${name} `)) flights.delete(key);
      }
    },
  };
}
