/** Something that changes, and every value that it has had. */
export class Timeline<V> {
  readonly #now: () => number;
  readonly #changes: { readonly at: number; readonly value: V }[];

  /** @param now the clock, epoch ms @param first what it always was */
  constructor(now: () => number, first: V) {
    this.#now = now;
    this.#changes = [{ at: Number.NEGATIVE_INFINITY, value: first }];
  }

  get value(): V {
    return (this.#changes.at(-1) as { value: V }).value;
  }

  set(value: V): void {
    if (value !== this.value) this.#changes.push({ at: this.#now(), value });
  }

  /** Returns this moment in the order of events; the clock may stand still. */
  mark(): number {
    return this.#changes.length - 1;
  }

  /** Returns the values that it has had since a moment, the one of that moment included. */
  since(mark: number): V[] {
    return this.#changes.slice(mark).map(({ value }) => value);
  }

  /** Returns the values that it has had since a time (epoch ms), the one just before it included. */
  sinceTime(ms: number): V[] {
    const next = this.#changes.findIndex(({ at }) => at >= ms);
    return this.since(Math.max(0, (next === -1 ? this.#changes.length : next) - 1));
  }
}
