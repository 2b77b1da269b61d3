import type { AnsweredRequest } from './countRequest.ts';
import { type Cell, entryOf } from './counts.ts';

/** What was asked for most, and what took longest. Keys of repositories and tags begin with the alias and a space. */
export interface TopLists {
  readonly repositories: ReadonlyMap<string, number>;
  readonly tags: ReadonlyMap<string, number>;
  readonly clients: ReadonlyMap<string, number>;
  /** The slowest first. */
  readonly slowest: readonly SlowRequest[];
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

/** So many are listed. A list holds a few times as many, so that one who comes later can rise. */
export const MAX_LISTED = 100;
const MAX_HELD = 4 * MAX_LISTED;
const MAX_SLOW = 20;

/** A list with a bounded length: the least leave first. */
class Top {
  #cells = new Map<string, Cell>();

  add(key: string, by: number): void {
    const cell = this.#cells.get(key) ?? entryOf(this.#cells, key, () => ({ n: 0 }));
    cell.n += by;
    if (this.#cells.size <= MAX_HELD) return;
    const sorted = [...this.#cells].toSorted(([, a], [, b]) => b.n - a.n);
    this.#cells = new Map(sorted.slice(0, MAX_HELD / 2));
  }

  get counts(): Map<string, number> {
    return new Map([...this.#cells].map(([key, { n }]) => [key, n]));
  }
}

export class Tops {
  readonly #repositories = new Top();
  readonly #tags = new Top();
  readonly #clients = new Top();
  #slowest: readonly SlowRequest[] = [];
  #last: { readonly upstream: string; readonly repository: string; readonly key: string } | undefined;
  /** A request has to take longer to be one of the slowest. */
  #slowMs = -1;

  get lists(): TopLists {
    return {
      repositories: this.#repositories.counts,
      tags: this.#tags.counts,
      clients: this.#clients.counts,
      slowest: this.#slowest,
    };
  }

  note(request: AnsweredRequest, cache: string): void {
    const { upstream, handler, method, repository, tag, client, ms, status } = request;
    // What operators ask of the edge itself is none of its work.
    if (handler === 'edge' || handler === 'other') return;
    // Anybody can ask for names that do not exist.
    if (repository !== undefined && status < 400) {
      this.#repositories.add(this.#keyOf(upstream, repository), 1);
      if (tag !== undefined) this.#tags.add(`${upstream} ${repository}:${tag}`, 1);
    }
    // Most requests are HEADs, and every client sends others, too.
    if (client !== undefined && method !== 'HEAD') this.#clients.add(client, 1);
    if (ms > this.#slowMs) this.#addSlow([slowRequest(request, cache)]);
  }

  merge({ repositories, tags, clients, slowest }: TopLists): void {
    for (const [key, count] of repositories) this.#repositories.add(key, count);
    for (const [key, count] of tags) this.#tags.add(key, count);
    for (const [key, count] of clients) this.#clients.add(key, count);
    this.#addSlow(slowest);
  }

  /** Most requests are for the repository of the one before. */
  #keyOf(upstream: string, repository: string): string {
    const last = this.#last;
    if (last?.upstream === upstream && last.repository === repository) return last.key;
    const key = `${upstream} ${repository}`;
    this.#last = { upstream, repository, key };
    return key;
  }

  #addSlow(requests: readonly SlowRequest[]): void {
    this.#slowest = [...this.#slowest, ...requests].toSorted((a, b) => b.ms - a.ms).slice(0, MAX_SLOW);
    if (this.#slowest.length === MAX_SLOW) this.#slowMs = this.#slowest.at(-1)?.ms ?? -1;
  }
}

function slowRequest(request: AnsweredRequest, cache: string): SlowRequest {
  const { upstream, handler, method, repository, tag, status, ms, startedAt: at } = request;
  return { upstream, handler, method, repository, tag, status, cache, ms, at };
}

/** Returns the entries with the greatest counts, in their order. */
export function topOf(list: ReadonlyMap<string, number>, most = MAX_LISTED): (readonly [key: string, count: number])[] {
  return [...list].toSorted(([, a], [, b]) => b - a).slice(0, most);
}
