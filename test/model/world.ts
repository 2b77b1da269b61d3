import { vi } from 'vitest';
import { parseRepositoryName, type RepositoryName } from '../../src/oci/name.ts';
import { type Clock, createClock } from '../support/context.ts';
import { uniqueName } from '../support/digests.ts';
import { createEdge, type Edge, textOf } from '../support/edge.ts';
import { EVENTS_TOKEN } from '../support/events.ts';
import { ADDRESS } from '../support/redisStore.ts';
import type { Store } from '../support/stores.ts';
import { type Issuer, verifying } from '../support/tokens.ts';
import type { Answer } from './answers.ts';
import { Callers, PULL_ONLY_SUBJECT } from './callers.ts';
import { Commits } from './commits.ts';
import { type Images, makeImages } from './images.ts';
import { Laws, type LawsOptions } from './laws.ts';
import { ModelOrigin, ORIGIN_URL } from './origin.ts';
import { troubledKv, troubledObjects, troubledRedis } from './places.ts';
import { type Content, ModelRegistry } from './registry.ts';
import type { Move } from './steps.ts';
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

/** Who and what there is in a world. */
interface Cast {
  readonly clock: Clock;
  readonly names: readonly RepositoryName[];
  readonly callers: Callers;
  readonly images: Images;
}

/** Three isolates before one store and one registry. */
export class World {
  readonly clock: Clock;
  readonly names: readonly RepositoryName[];
  readonly callers: Callers;
  readonly registry: ModelRegistry;
  readonly images: Images;
  readonly laws: Laws;
  readonly commits: Commits;
  /** What the last change was about. */
  lastChange: Pick<Move, 'name' | 'blob' | 'manifest' | 'tag'> | undefined;
  /** What went wrong where nobody waits for it: at the registry. */
  readonly violations: unknown[] = [];
  readonly #options: WorldOptions;
  readonly #origin: ModelOrigin;
  readonly #edges: Edge[];
  readonly #restarts = OFFSETS_MS.map(() => 0);
  /** Settle when the work after the replies is over. */
  readonly #after: Promise<void>[] = [];

  private constructor(options: WorldOptions, { clock, names, callers, images }: Cast) {
    const { troubles, verifies, deletesSeenBy } = options;
    this.#options = options;
    this.clock = clock;
    this.names = names;
    this.callers = callers;
    this.images = images;
    this.registry = new ModelRegistry(clock.now);
    const { registry } = this;
    for (const content of [...images.blobs, ...images.manifests]) registry.describe(content);
    const lawsOptions = { now: clock.now, registry, callers, deletesSeenBy };
    this.laws = new Laws(lawsOptions);
    this.commits = new Commits(lawsOptions);
    const onAccept = (name: string, manifest: Content) => {
      try {
        this.commits.judge(name, manifest);
      } catch (violation) {
        this.violations.push(violation);
      }
    };
    this.#origin = new ModelOrigin({ registry, callers, troubles, verifies, onAccept });
    this.#edges = OFFSETS_MS.map((_, isolate) => this.#start(isolate));
  }

  static async create(options: WorldOptions): Promise<World> {
    const clock = createClock(Date.now());
    const names = Array.from({ length: REPOSITORIES }, () => parseRepositoryName(uniqueName()));
    const callers = await Callers.create(options.issuer, names, clock.now);
    const world = new World(options, { clock, names, callers, images: await makeImages(names.join()) });
    world.#fill();
    world.#listen();
    return world;
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
  async send(isolate: number, path: string, init: RequestInit): Promise<Answer> {
    const { answer, over } = (this.#edges[isolate] as Edge).send(path, { redirect: 'manual', ...init });
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

  /** The registry has everything at first. */
  #fill(): void {
    for (const name of this.names) {
      for (const { digest } of this.images.blobs) this.registry.blob(name, digest).set(true);
      for (const { digest } of this.images.manifests) this.registry.manifest(name, digest).set(true);
      this.registry.tag(name, 'latest').set(this.images.manifests[0]?.digest);
    }
  }

  #start(isolate: number): Edge {
    const { store, lagMs, troubles, issuer } = this.#options;
    const clock: Clock = { ...this.clock, now: () => this.clock.now() + (OFFSETS_MS[isolate] ?? 0) };
    const variables = {
      ...store.variables,
      ...TTLS,
      ...(store.name === 'redis' && { UPSTASH_REDIS_REST_URL: redisUrl(isolate) }),
      ORIGIN_URL,
      PULL_ONLY_SUBJECTS: PULL_ONLY_SUBJECT,
      EVENTS_TOKEN,
      ADMIN_TOKEN,
    };
    return createEdge(verifying(issuer, variables), {
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
      if (url.origin === ORIGIN_URL) return this.#origin.answer(url, init);
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
