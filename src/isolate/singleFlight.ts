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

/** Who follows a flight when its answer has arrived. */
export type Followers = Pick<OpenFlight, 'isFollowed' | 'needsVerdict'>;

/** What a request supplies that may lead. `A` is the origin's answer, `E` what others may share of it. */
export interface Lead<A, E extends Entry> {
  /** Asks the origin. */
  ask(): Promise<A>;
  /** Returns what others may share: the entry of a confirmed 200, or `undefined`. */
  sharedOf(answer: A): E | undefined;
  /** Finds out what the store holds after the answer, if the followers need that. `undefined`: nothing is known. */
  verdictOn(shared: E, followers: Followers): Promise<Verdict | undefined>;
  /** Settles when the answer is in the store, or will not be. */
  readonly landed: Promise<void>;
}

/** The origin's answer to this request itself. */
export interface Answered<A> {
  readonly kind: 'answered';
  readonly answer: A;
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

/** The leader's answer. The caller decides whether it counts. */
export interface Shared<E extends Entry> {
  readonly kind: 'shared';
  readonly shared: E;
  /** Waits, for a bounded time, for what the leader found in the store. */
  verdict(): Promise<Verdict | undefined>;
}

/**
 * Lets concurrent identical questions share one request to the origin. Requests pass each other plain data, never I/O.
 */
export interface Flights {
  /** Whether anybody is asking this now, as whichever caller. */
  isAsked(question: FlightQuestion): boolean;
  /**
   * Waits, for a bounded time, while the answer to this question is on its way into the store. Callers that arrive
   * after the answer look there, where a later delete would show.
   * @returns `undefined`: nobody is asking this, so there is nothing to wait for
   */
  landing(question: FlightQuestion): Promise<void> | undefined;
  /**
   * Asks as the leader, or waits for the leader's answer, for a bounded time. A request that can do neither asks for
   * itself. Every transition of a flight happens here, so that none is left open, whatever becomes of the question.
   * @throws what `lead.ask` throws
   */
  run<A, E extends Entry>(
    question: FlightQuestion,
    joining: Joining,
    lead: Lead<A, E>,
  ): Promise<Answered<A> | Shared<E>>;
  /** Closes a repository's flights after a write or a delete: nobody may follow what was asked before it. */
  close(name: RepositoryName): void;
}

/**
 * After this a follower asks for itself. The leader's promise may never settle, since the platform ends a request whose
 * client has left.
 */
const FOLLOW_MS = 10_000;
/** Longer than the store's own limits: a lookup takes at most a second for each thing that it reads. */
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

  function open(question: string, callerHash: string, openedAt: number): OpenFlight {
    const flight: OpenFlight = {
      ...{ question, callerHash, openedAt, isAnswered: false, isFollowed: false, needsVerdict: false },
      answer: Promise.withResolvers(),
      verdict: Promise.withResolvers(),
      landing: Promise.withResolvers(),
    };
    flights.add(flight);
    return flight;
  }

  async function land(question: string, caller: string): Promise<void> {
    const flight = flights.find(question, await hashOf(caller));
    if (flight?.isAnswered) await follow(flight, flight.landing.promise);
  }

  async function fly<A, E extends Entry>(flight: OpenFlight, lead: Lead<A, E>): Promise<A> {
    lead.landed.then(() => {
      flights.remove(flight);
      flight.landing.resolve();
    });
    let shared: E | undefined;
    try {
      const answer = await lead.ask();
      shared = lead.sharedOf(answer);
      return answer;
    } finally {
      flight.isAnswered = true;
      flight.answer.resolve(shared);
      if (shared) lead.verdictOn(shared, flight).then(flight.verdict.resolve, () => flight.verdict.resolve(undefined));
    }
  }

  return {
    isAsked: ({ name, about }) => flights.isAsked(questionKey(name, about)),
    landing({ name, about, caller }) {
      const question = questionKey(name, about);
      return flights.isAsked(question) ? land(question, caller) : undefined;
    },
    async run<A, E extends Entry>(
      { name, about, caller }: FlightQuestion,
      joining: Joining,
      lead: Lead<A, E>,
    ): Promise<Answered<A> | Shared<E>> {
      const { nowMs, notBefore, hasLookedUp } = joining;
      const question = questionKey(name, about);
      if (question.length > MAX_QUESTION_CHARACTERS) return answered(await lead.ask());
      const callerHash = await hashOf(caller);
      // Nothing is awaited between here and `open`, so that only one request leads.
      flights.sweep(nowMs);
      const flight = flights.find(question, callerHash);
      if (flight && flight.openedAt >= notBefore && (hasLookedUp || !flight.isAnswered)) {
        flight.isFollowed = true;
        flight.needsVerdict ||= !hasLookedUp;
        // Identical questions have answers of one type.
        const shared = await follow(flight, flight.answer.promise as Promise<E | undefined>);
        if (!shared) return answered(await lead.ask());
        return { kind: 'shared', shared, verdict: () => within(flight.verdict.promise, VERDICT_MS) };
      }
      if (flight) flights.remove(flight);
      if (flights.isFull) return answered(await lead.ask());
      return answered(await fly(open(question, callerHash, nowMs), lead));
    },
    close: (name) => flights.removeAllOf(name),
  };
}

function answered<A>(answer: A): Answered<A> {
  return { kind: 'answered', answer };
}

async function hashOf(caller: string): Promise<string> {
  return caller === '' ? '' : digestOf(new TextEncoder().encode(caller));
}
