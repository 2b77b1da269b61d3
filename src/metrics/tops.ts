import type { AnsweredRequest } from './countRequest.ts';

/** What was asked for most, and what took longest. Keys of repositories and tags begin with the alias and a space. */
export interface TopLists {
  readonly repositories: Map<string, number>;
  readonly tags: Map<string, number>;
  readonly clients: Map<string, number>;
  /** The slowest first. */
  slowest: SlowRequest[];
}

/** A slow request; of an upload, without its session. */
export interface SlowRequest {
  readonly upstream: string;
  readonly handler: string;
  readonly method: string;
  readonly repository: string | undefined;
  readonly tag: string | undefined;
  readonly status: number;
  readonly cache: string;
  readonly ms: number;
  /** Epoch ms. */
  readonly at: number;
}

const LISTS = ['repositories', 'tags', 'clients'] as const;
/** So many are listed. A list holds a few times as many, so that one who comes later can rise. */
export const MAX_LISTED = 100;
const MAX_HELD = 4 * MAX_LISTED;
const MAX_SLOW = 20;

/** Lists with a bounded length: the least leave first. */
export class Tops implements TopLists {
  readonly repositories: Map<string, number>;
  readonly tags: Map<string, number>;
  readonly clients: Map<string, number>;
  slowest: SlowRequest[];

  constructor(given?: TopLists) {
    this.repositories = new Map(given?.repositories);
    this.tags = new Map(given?.tags);
    this.clients = new Map(given?.clients);
    this.slowest = given?.slowest ?? [];
  }

  note(request: AnsweredRequest, cache: string): void {
    const { upstream, repository, tag, client, ms, status } = request;
    // Anybody can ask for names that do not exist.
    if (repository !== undefined && status < 400) {
      addTo(this.repositories, `${upstream} ${repository}`, 1);
      if (tag !== undefined) addTo(this.tags, `${upstream} ${repository}:${tag}`, 1);
    }
    addTo(this.clients, client, 1);
    if (this.slowest.length < MAX_SLOW || ms > (this.slowest.at(-1)?.ms ?? 0)) this.#noteSlow(request, cache);
  }

  merge(others: TopLists): void {
    for (const list of LISTS) for (const [key, count] of others[list]) addTo(this[list], key, count);
    this.slowest = slowestOf([...this.slowest, ...others.slowest]);
  }

  #noteSlow(request: AnsweredRequest, cache: string): void {
    const { upstream, handler, method, repository, tag, status, ms, startedAt: at } = request;
    this.slowest = slowestOf([...this.slowest, { upstream, handler, method, repository, tag, status, cache, ms, at }]);
  }
}

function slowestOf(requests: readonly SlowRequest[]): SlowRequest[] {
  return requests.toSorted((a, b) => b.ms - a.ms).slice(0, MAX_SLOW);
}

function addTo(list: Map<string, number>, key: string, by: number): void {
  list.set(key, (list.get(key) ?? 0) + by);
  if (list.size <= MAX_HELD) return;
  const kept = topOf(list, MAX_HELD / 2);
  list.clear();
  for (const [name, count] of kept) list.set(name, count);
}

/** Returns the entries with the greatest counts, in their order. */
export function topOf(list: ReadonlyMap<string, number>, most = MAX_LISTED): (readonly [key: string, count: number])[] {
  return [...list].toSorted(([, a], [, b]) => b - a).slice(0, most);
}
