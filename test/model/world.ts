import { vi } from 'vitest';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { type Clock, createClock } from '../support/context.ts';
import { uniqueName } from '../support/digests.ts';
import { createEdge, type Edge, textOf } from '../support/edge.ts';
import { EVENTS_TOKEN } from '../support/events.ts';
import { ADDRESS } from '../support/redisStore.ts';
import type { Store } from '../support/stores.ts';
import { type Issuer, verifying } from '../support/tokens.ts';
import type { Answer } from './answers.ts';
import { EdgeUsers } from './edgeUsers.ts';
import { makeImages } from './images.ts';
import type { LawsOptions } from './laws.ts';
import { OriginCallers, PULL_ONLY_SUBJECT } from './originCallers.ts';
import { troubledKv, troubledObjects, troubledRedis } from './places.ts';
import { Side, UPSTREAMS } from './side.ts';
import type { Troubles } from './troubles.ts';
import { TTLS } from './windows.ts';

/** How far the clocks of the isolates are from the true time, in ms. The clock of the Durable Objects is true. */
const OFFSETS_MS = [0, 1_000, -1_000];
export const ISOLATES = OFFSETS_MS.length;
export const REPOSITORIES = 3;
export const ADMIN_TOKEN = 'an-operator-knows-this';

export interface WorldOptions {
  readonly store: Store;
  /** How much later other places see what was written, at most. */
  readonly lagMs: number;
  readonly troubles: Troubles;
  /** Whether the registry refuses manifests whose blobs it lacks. */
  readonly verifies: boolean;
  readonly issuer: Issuer;
  readonly deletesSeenBy: LawsOptions['deletesSeenBy'];
}

/**
 * Isolates before one store and two registries, which have repositories of the same names. The first registry judges
 * callers, and the edges judge those of the second.
 */
export class World {
  readonly clock: Clock;
  /** One for each upstream. */
  readonly sides: readonly Side[];
  readonly #options: WorldOptions;
  /** Those of the second upstream. */
  readonly #users: EdgeUsers;
  readonly #edges: Edge[];
  readonly #restarts = OFFSETS_MS.map(() => 0);
  /** Settle when the work after the replies is over. */
  readonly #after: Promise<void>[] = [];

  private constructor(options: WorldOptions, clock: Clock, sides: readonly Side[], users: EdgeUsers) {
    this.#options = options;
    this.#users = users;
    this.clock = clock;
    this.sides = sides;
    this.#edges = OFFSETS_MS.map((_, isolate) => this.#start(isolate));
  }

  static async create(options: WorldOptions): Promise<World> {
    const clock = createClock(Date.now());
    const names = Array.from({ length: REPOSITORIES }, () => parseRepositoryName(uniqueName()));
    const images = await makeImages(names.join());
    // What a caller may do at one registry says nothing about the other one.
    const [first = '', last = ''] = [names[0], names.at(-1)];
    const callers = await OriginCallers.create(options.issuer, { names, closed: last, now: clock.now });
    const users = await EdgeUsers.create({ names, closed: first, now: clock.now });
    const sides = UPSTREAMS.map(
      (upstream, at) =>
        new Side({ ...options, clock, names, images, upstream, callers: [callers, users][at] ?? users }),
    );
    const world = new World(options, clock, sides, users);
    world.#listen();
    return world;
  }

  /** What went wrong where nobody waits for it: at the registries. */
  get violations(): unknown[] {
    return this.sides.flatMap(({ violations }) => violations);
  }

  /** Names an isolate as it is now. */
  isolateOf(isolate: number): string {
    return `${isolate}, restarted ${this.#restarts[isolate]} times`;
  }

  /** An isolate ends, and another one takes its place. */
  restart(isolate: number): void {
    this.#restarts[isolate] = (this.#restarts[isolate] ?? 0) + 1;
    this.#edges[isolate] = this.#start(isolate);
  }

  /** Sends a request to an isolate, and reads its answer. */
  async send(isolate: number, url: string, init: RequestInit): Promise<Answer> {
    const { answer, over } = (this.#edges[isolate] as Edge).send(url, { redirect: 'manual', ...init });
    this.#after.push(over);
    const response = await answer;
    const { status, headers } = response;
    return { status, headers, body: await textOf(response) };
  }

  /** Waits until all work after the replies is over. */
  async settle(): Promise<void> {
    while (this.#after.length > 0) await this.#after.shift();
    await this.#options.troubles.settle();
  }

  #start(isolate: number): Edge {
    const { store, lagMs, troubles, issuer } = this.#options;
    const clock: Clock = { ...this.clock, now: () => this.clock.now() + (OFFSETS_MS[isolate] ?? 0) };
    const variables = {
      ...store.variables,
      ...TTLS,
      ...(store.name === 'redis' && { UPSTASH_REDIS_REST_URL: redisUrl(isolate) }),
      EVENTS_TOKEN,
      ADMIN_TOKEN,
    };
    const ofRegistry = verifying(issuer, { PULL_ONLY_SUBJECTS: PULL_ONLY_SUBJECT });
    const [first, second] = UPSTREAMS;
    const { USERS, ORIGIN_PASSWORD, ...ofUsers } = this.#users.variables;
    const secrets = { SECOND_USERS: USERS, SECOND_PASSWORD: ORIGIN_PASSWORD } as Record<string, string>;
    const named = { USERS_SECRET: 'SECOND_USERS', ORIGIN_PASSWORD_SECRET: 'SECOND_PASSWORD' };
    const others = { [second.alias]: { ...ofUsers, ...named, ORIGIN_URL: second.origin, HOSTS: second.host } };
    const all = {
      ...variables,
      ...secrets,
      ...ofRegistry,
      ORIGIN_URL: first.origin,
      UPSTREAMS: JSON.stringify(others),
    };
    return createEdge(all, {
      clock,
      objects: troubledObjects(troubles),
      ...(store.name === 'kv' && { namespace: troubledKv(troubles, this.clock, lagMs) }),
    });
  }

  /** Answers the requests of the edges until `vi.restoreAllMocks`. */
  #listen(): void {
    const { troubles, lagMs } = this.#options;
    const send = globalThis.fetch;
    const places = OFFSETS_MS.map(() => troubledRedis(troubles, this.clock, lagMs));
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init = {}) => {
      const url = new URL(String(input instanceof Request ? input.url : input));
      const side = this.sides.find(({ upstream }) => upstream.origin === url.origin);
      if (side) return side.origin.answer(url, init);
      const visit = places.find((_, isolate) => redisUrl(isolate) === url.origin);
      if (!visit) throw new Error(`nobody answers at ${url.href}`);
      return visit(() => send(ADDRESS.url + url.pathname, init), String(init.body));
    });
  }
}

/** Each isolate reaches Redis at an address of its own, so that it can be told which one asks. */
function redisUrl(isolate: number): string {
  return `https://redis-${isolate}.model.test`;
}
