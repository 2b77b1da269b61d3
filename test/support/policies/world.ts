import { createIsolate } from '../../../src/assemble.ts';
import { BACKENDS } from '../../../src/assembleCaches.ts';
import { parseConfig } from '../../../src/config/config.ts';
import { createEdge, type Edge, textOf } from '../edge.ts';
import { ACCOUNT, type CallerRow } from './callers.ts';
import { type Contents, PLACES, type Place, shelvesOf, WRITTEN_TAGS } from './content.ts';
import type { Answered } from './oracle.ts';
import { MANIFEST_TYPE, TableOrigin } from './origin.ts';
import { READS, type RouteRow, requestOf } from './routes.ts';

export interface WorldOptions {
  readonly contents: Contents;
  readonly caller: CallerRow;
  /** What is declared. */
  readonly variables: Readonly<Record<string, string>>;
  readonly isWarm: boolean;
  /** Where a warm edge keeps its cache; by default in the memory of an isolate that both share. */
  readonly store?: 'inmemory' | 'durable';
}

const STORE = { BLOBDESCRIPTOR: 'inmemory', ORIGIN_URL: 'https://registry.test' };

/** The answer to one request, with what it cost and what was told. */
export interface Seen {
  readonly response: Response;
  readonly body: string;
  readonly answered: Answered;
  /** The decisions of policies: outcome and policy. */
  readonly events: readonly string[];
}

/**
 * An edge for one kind of callers, with an origin of its own. A warm edge shares the store with another one that has no
 * policy and has read everything, and has itself read what it may; otherwise each request gets an edge that knows
 * nothing.
 */
export class World {
  readonly #options: WorldOptions;
  readonly #isolate = createIsolate(parseConfig(STORE, BACKENDS));
  #origin: TableOrigin;
  #edge: Edge;

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.#origin = this.#createOrigin();
    this.#edge = this.#createEdge(options.variables);
  }

  static async create(options: WorldOptions): Promise<World> {
    const world = new World(options);
    if (options.isWarm) {
      await world.#warm(world.#createEdge({}));
      await world.#warm(world.#edge);
    }
    return world;
  }

  /** Sends a request of the caller. */
  async send(route: RouteRow, place: Place): Promise<Seen> {
    const { contents, caller, isWarm, variables } = this.#options;
    if (!isWarm) {
      this.#origin = this.#createOrigin();
      this.#edge = this.#createEdge(variables);
    }
    this.#origin.methods.length = 0;
    this.#edge.log.length = 0;
    const { path, init } = requestOf(route, contents, place, caller.headers);
    const response = await this.#edge.fetch(path, init);
    const body = await textOf(response);
    const detail = response.status === 403 && body !== '' ? JSON.parse(body).errors[0].detail?.policy : undefined;
    const lines = this.#edge.log.map((line) => JSON.parse(line) as Line);
    const { denied, reported } = lines.find(({ message }) => message === 'request') ?? {};
    const events = lines.filter(({ kind }) => kind === 'policy').map(({ outcome, policy }) => `${outcome} ${policy}`);
    const answered = { status: response.status, detail, denied, reported, origin: [...this.#origin.methods] };
    return { response, body, answered, events };
  }

  #createOrigin(): TableOrigin {
    const origin = new TableOrigin(this.#options.caller.isLent ? ACCOUNT : undefined);
    origin.stock(shelvesOf(this.#options.contents));
    return origin;
  }

  #createEdge(variables: Readonly<Record<string, string>>): Edge {
    const { caller, isWarm, store = 'inmemory' } = this.#options;
    const isolate = isWarm && store === 'inmemory' ? { isolate: this.#isolate } : {};
    const own = { BLOBDESCRIPTOR: store, CACHE_TIMEOUT: '10s', ORIGIN_URL: this.#origin.url };
    return createEdge({ ...caller.variables, ...own, ...variables }, isolate);
  }

  async #warm(edge: Edge): Promise<void> {
    const { contents, caller } = this.#options;
    for (const place of PLACES) {
      for (const route of READS) {
        const { path, init } = requestOf(route, contents, place, caller.headers);
        await edge.fetch(path, init);
      }
      const init = { headers: { accept: MANIFEST_TYPE, ...caller.headers } };
      for (const tag of WRITTEN_TAGS) await edge.fetch(`/v2/${contents[place].name}/manifests/${tag}`, init);
    }
  }
}

interface Line extends Pick<Answered, 'denied' | 'reported'> {
  readonly message: string;
  readonly kind?: string;
  readonly outcome?: string;
  readonly policy?: string;
}
