import { within } from '../async.ts';
import type { Entry } from '../oci/descriptor.ts';
import { digestOf } from '../oci/hash.ts';
import type { RepositoryName } from '../oci/name.ts';

/** What is asked: identical questions of identical callers may have one answer. */
export interface Question {
  readonly name: RepositoryName;
  /** All that makes the question besides the repository and the caller. */
  readonly about: string;
  /** The credential; empty where all callers are one. Only its hash is kept. */
  readonly caller: string;
}

/** A question that this isolate is asking the origin. */
export interface Flight<E extends Entry = Entry> {
  /** The origin has answered: its entry, or `undefined` for anything but a confirmed 200. */
  answered(entry: E | undefined): void;
  readonly isFollowed: boolean;
  /** Whether somebody follows who has not looked into the store. */
  readonly isDoubted: boolean;
  /** What a look into the store came to, after the answer and for all who follow; `undefined`: it did not say. */
  judged(verdict: Verdict | undefined): void;
  /** The answer stands in the store, or will not. */
  landed(): void;
}

/** The tombstones of what was shared. */
export interface Verdict {
  /** When the look began (epoch ms): it speaks for those who began before. */
  readonly at: number;
  /** Until when nothing that the origin confirmed counts (epoch ms); 0: there is no tombstone. */
  readonly cleared: number;
}

export interface Joining {
  /** Epoch ms. */
  readonly nowMs: number;
  /** What was asked of the origin before this (epoch ms) is no answer for this caller. */
  readonly notBefore: number;
  /** Whether this caller has looked into the store: then it may have an answer that is there already. */
  readonly hasLooked: boolean;
}

/** `flight`: this request asks for all. `shared`: what another one was answered. Neither: it asks for itself. */
export interface Joined<E extends Entry> {
  readonly flight?: Flight<E>;
  readonly shared?: E | undefined;
  /** Waits, for a bounded time, for what the leader's look came to. */
  verdict?(): Promise<Verdict | undefined>;
}

/** One question for many askers. Only plain data passes from one request to another, never I/O. */
export interface Flights {
  /**
   * Waits, for a bounded time, while the answer to this question is on its way into the store. Whoever comes after the
   * answer looks there, where a later delete would show.
   */
  landing(question: Question): Promise<void>;
  /** Leads, or waits for the leader's answer, for a bounded time. Whether that counts is the caller's to judge. */
  join<E extends Entry>(question: Question, joining: Joining): Promise<Joined<E>>;
  /** After a write or a delete nobody may follow what was asked before it. */
  close(name: RepositoryName): void;
}

/**
 * A promise that another request has to keep may never be kept: the platform ends a request whose client has left.
 * After this a follower asks for itself.
 */
const FOLLOW_MS = 10_000;
/** A look is over after a second for each thing that it looks at. */
const VERDICT_MS = 3_000;
/** The platform lets a request go on for so long after its client has left: an older flight may have no leader. */
const MAX_AGE_MS = 30_000;
/** When there are so many, or a question is that long, it is not shared. What flights hold is bounded by both. */
const MAX_FLIGHTS = 1_000;
const MAX_QUESTION_CHARACTERS = 2_048;
/** Flights that are too old are looked for this often. */
const SWEEP_MS = 1_000;

interface OpenFlight {
  readonly what: string;
  readonly whose: string;
  /** Nothing that it shares was asked before this (epoch ms). */
  readonly since: number;
  readonly answer: Promise<Entry | undefined>;
  readonly verdict: Promise<Verdict | undefined>;
  readonly landing: Promise<void>;
  isAnswered: boolean;
  isFollowed: boolean;
  isDoubted: boolean;
}

export function createFlights(): Flights {
  /** By what is asked, then by whose question it is: nobody's credential is hashed where nothing is under way. */
  const flights = new Map<string, Map<string, OpenFlight>>();
  let open = 0;
  let sweptAt = 0;

  const whatOf = ({ name, about }: Question) => `${name} ${about}`;

  function add(flight: OpenFlight): void {
    const askers = flights.get(flight.what) ?? new Map<string, OpenFlight>();
    flights.set(flight.what, askers.set(flight.whose, flight));
    open += 1;
  }

  function forget(flight: OpenFlight): void {
    const askers = flights.get(flight.what);
    if (askers?.get(flight.whose) !== flight) return;
    askers.delete(flight.whose);
    open -= 1;
    if (askers.size === 0) flights.delete(flight.what);
  }

  function sweep(nowMs: number): void {
    if (Math.abs(nowMs - sweptAt) < SWEEP_MS) return;
    sweptAt = nowMs;
    for (const askers of flights.values()) {
      for (const flight of askers.values()) if (nowMs - flight.since >= MAX_AGE_MS) forget(flight);
    }
  }

  /** One that never lands must not make everybody wait. */
  async function bounded<T>(flight: OpenFlight, work: Promise<T>): Promise<T | undefined> {
    const done = await within(
      work.then((value) => ({ value })),
      FOLLOW_MS,
    );
    if (!done) forget(flight);
    return done?.value;
  }

  function takeOff<E extends Entry>(what: string, whose: string, since: number): Flight<E> {
    const answer = Promise.withResolvers<Entry | undefined>();
    const verdict = Promise.withResolvers<Verdict | undefined>();
    const landing = Promise.withResolvers<void>();
    const flight: OpenFlight = {
      ...{ what, whose, since, isAnswered: false, isFollowed: false, isDoubted: false },
      ...{ answer: answer.promise, verdict: verdict.promise, landing: landing.promise },
    };
    add(flight);
    return {
      answered(entry) {
        flight.isAnswered = true;
        answer.resolve(entry);
      },
      get isFollowed() {
        return flight.isFollowed;
      },
      get isDoubted() {
        return flight.isDoubted;
      },
      judged: verdict.resolve,
      landed() {
        forget(flight);
        landing.resolve();
      },
    };
  }

  return {
    async landing(question) {
      const askers = flights.get(whatOf(question));
      if (!askers) return;
      const flight = askers.get(await hashOf(question.caller));
      if (flight?.isAnswered) await bounded(flight, flight.landing);
    },
    async join<E extends Entry>(question: Question, { nowMs, notBefore, hasLooked }: Joining): Promise<Joined<E>> {
      const what = whatOf(question);
      if (what.length > MAX_QUESTION_CHARACTERS) return {};
      const whose = await hashOf(question.caller);
      // From here on nothing is waited for, so that only one leads.
      sweep(nowMs);
      const flown = flights.get(what)?.get(whose);
      if (flown && flown.since >= notBefore && (hasLooked || !flown.isAnswered)) {
        flown.isFollowed = true;
        flown.isDoubted ||= !hasLooked;
        // Identical questions have answers of one kind.
        const shared = await bounded(flown, flown.answer as Promise<E | undefined>);
        return { shared, verdict: () => within(flown.verdict, VERDICT_MS) };
      }
      if (flown) forget(flown);
      return open < MAX_FLIGHTS ? { flight: takeOff<E>(what, whose, nowMs) } : {};
    },
    close(name) {
      for (const [what, askers] of flights) {
        if (what.startsWith(`${name} `)) for (const flight of askers.values()) forget(flight);
      }
    },
  };
}

async function hashOf(caller: string): Promise<string> {
  return caller === '' ? '' : digestOf(new TextEncoder().encode(caller));
}
