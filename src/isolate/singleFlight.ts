import { within } from '../async.ts';
import type { Entry } from '../oci/descriptor.ts';
import { digestOf } from '../oci/hash.ts';
import type { RepositoryName } from '../oci/name.ts';
import { createOpenFlights, type OpenFlight, questionKey, type Verdict } from './openFlights.ts';

/** What the origin is asked: identical questions of identical callers may share one answer. */
export interface FlightQuestion {
  readonly name: RepositoryName;
  /** All that distinguishes the question, besides the repository and the caller. */
  readonly about: string;
  /** The credential; empty where all callers are one. Only its hash is kept. */
  readonly caller: string;
}

/** The leader's side of a question that it is asking the origin. */
export interface Flight<E extends Entry = Entry> {
  /** Shares the origin's answer: its entry, or `undefined` for anything but a confirmed 200. */
  answered(entry: E | undefined): void;
  readonly isFollowed: boolean;
  /** Whether one of the followers has not looked in the store. */
  readonly needsVerdict: boolean;
  /** Shares what the store was found to hold after the answer; `undefined`: the store did not answer. */
  judged(verdict: Verdict | undefined): void;
  /** Ends the flight: the answer is in the store, or will not be. */
  landed(): void;
}

/** What makes an open flight acceptable to a caller. */
export interface Joining {
  /** Epoch ms. */
  readonly nowMs: number;
  /** Flights opened before this time (epoch ms) are too old for this caller. */
  readonly notBefore: number;
  /** Whether this caller has looked in the store: if it has, it may use an answer that has already arrived. */
  readonly hasLookedUp: boolean;
}

/** `flight`: this request leads. `shared`: the leader's answer. With neither, the request asks for itself. */
export interface Joined<E extends Entry> {
  readonly flight?: Flight<E>;
  readonly shared?: E | undefined;
  /** Waits, for a bounded time, for what the leader found in the store. */
  verdict?(): Promise<Verdict | undefined>;
}

/**
 * Lets concurrent identical questions share one request to the origin. Requests pass each other plain data, never I/O.
 */
export interface Flights {
  /**
   * Waits, for a bounded time, while the answer to this question is on its way into the store. Callers that arrive
   * after the answer look there, where a later delete would show.
   */
  landing(question: FlightQuestion): Promise<void>;
  /** Leads, or waits for the leader's answer, for a bounded time. The caller decides whether that answer counts. */
  join<E extends Entry>(question: FlightQuestion, joining: Joining): Promise<Joined<E>>;
  /** Closes a repository's flights after a write or a delete: nobody may follow what was asked before it. */
  close(name: RepositoryName): void;
}

/**
 * After this a follower asks for itself. The leader's promise may never settle, since the platform ends a request whose
 * client has left.
 */
const FOLLOW_MS = 10_000;
/** Longer than the store's own limits: a look-up takes at most a second for each thing that it reads. */
const VERDICT_MS = 3_000;
/** A longer question is not shared. Together with the number of flights, this bounds what they hold. */
const MAX_QUESTION_CHARACTERS = 2_048;

export function createFlights(): Flights {
  const flights = createOpenFlights();

  /** Waits for a flight, and removes one that does not settle, so that nobody else waits for it. */
  async function follow<T>(flight: OpenFlight, work: Promise<T>): Promise<T | undefined> {
    const settled = await within(
      work.then((value) => ({ value })),
      FOLLOW_MS,
    );
    if (!settled) flights.remove(flight);
    return settled?.value;
  }

  function open<E extends Entry>(question: string, callerHash: string, openedAt: number): Flight<E> {
    const answer = Promise.withResolvers<Entry | undefined>();
    const verdict = Promise.withResolvers<Verdict | undefined>();
    const landing = Promise.withResolvers<void>();
    const flight: OpenFlight = {
      ...{ question, callerHash, openedAt, isAnswered: false, isFollowed: false, isDoubted: false },
      ...{ answer: answer.promise, verdict: verdict.promise, landing: landing.promise },
    };
    flights.add(flight);
    return {
      answered(entry) {
        flight.isAnswered = true;
        answer.resolve(entry);
      },
      get isFollowed() {
        return flight.isFollowed;
      },
      get needsVerdict() {
        return flight.isDoubted;
      },
      judged: verdict.resolve,
      landed() {
        flights.remove(flight);
        landing.resolve();
      },
    };
  }

  return {
    async landing({ name, about, caller }) {
      const question = questionKey(name, about);
      if (!flights.isAsked(question)) return;
      const flight = flights.find(question, await hashOf(caller));
      if (flight?.isAnswered) await follow(flight, flight.landing);
    },
    async join<E extends Entry>({ name, about, caller }: FlightQuestion, { nowMs, notBefore, hasLookedUp }: Joining) {
      const question = questionKey(name, about);
      if (question.length > MAX_QUESTION_CHARACTERS) return {};
      const callerHash = await hashOf(caller);
      // Nothing is awaited between here and `open`, so that only one request leads.
      flights.sweep(nowMs);
      const flight = flights.find(question, callerHash);
      if (flight && flight.openedAt >= notBefore && (hasLookedUp || !flight.isAnswered)) {
        flight.isFollowed = true;
        flight.isDoubted ||= !hasLookedUp;
        // Identical questions have answers of one type.
        const shared = await follow(flight, flight.answer as Promise<E | undefined>);
        return { shared, verdict: () => within(flight.verdict, VERDICT_MS) };
      }
      if (flight) flights.remove(flight);
      return flights.isFull ? {} : { flight: open<E>(question, callerHash, nowMs) };
    },
    close: (name) => flights.removeAllOf(name),
  };
}

async function hashOf(caller: string): Promise<string> {
  return caller === '' ? '' : digestOf(new TextEncoder().encode(caller));
}
