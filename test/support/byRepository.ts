/**
 * Items in the order in which they were added, found by their path. The whole run adds tens of thousands of them, so a
 * request is compared only with those of its own repository (`/v2/test/<uuid>/`), not with all.
 */
export class ByRepository<T> {
  readonly #groups = new Map<string, Set<T>>();
  readonly #order = new Map<T, number>();
  readonly #pathOf: (item: T) => string;
  #added = 0;

  constructor(pathOf: (item: T) => string) {
    this.#pathOf = pathOf;
  }

  add(item: T): void {
    const group = groupOf(this.#pathOf(item));
    this.#groups.set(group, (this.#groups.get(group) ?? new Set()).add(item));
    this.#order.set(item, this.#added++);
  }

  remove(item: T): void {
    this.#groups.get(groupOf(this.#pathOf(item)))?.delete(item);
    this.#order.delete(item);
  }

  /** @returns the items whose path begins with `prefix` */
  below(prefix: string): T[] {
    const group = groupOf(prefix);
    const candidates = group === SHORT ? this.#order.keys() : (this.#groups.get(group) ?? []);
    return [...candidates].filter((item) => this.#pathOf(item).startsWith(prefix));
  }

  /** @returns the items whose path is a beginning of `path` */
  above(path: string): T[] {
    const candidates = [...(this.#groups.get(SHORT) ?? []), ...(this.#groups.get(groupOf(path)) ?? [])];
    const found = candidates.filter((item) => path.startsWith(this.#pathOf(item)));
    return found.sort((one, other) => this.#orderOf(one) - this.#orderOf(other));
  }

  #orderOf(item: T): number {
    return this.#order.get(item) ?? 0;
  }
}

/** The group of paths that do not reach below a repository. */
const SHORT = '';

function groupOf(path: string): string {
  const segments = path.split('/', 5);
  return segments.length === 5 ? segments.slice(0, 4).join('/') : SHORT;
}
