import type { Allowance, Exchange } from './allowance.ts';

/** Counts what a run did, so that it can be seen that it asked everything and that the cache answered. */
export class Tally {
  #requests = 0;
  /** The requests whose answer the cache may know: of content by digest that exists. */
  #mayHit = 0;
  #hits = 0;
  readonly #statuses = new Map<string, number>();
  readonly #hitsOf = new Map<string, number>();
  readonly #allowed = new Map<string, number>();

  count({ step, alone, edge }: Exchange, used: readonly Allowance[]): void {
    this.#requests++;
    increase(this.#statuses, `${step.route} ${step.method} ${alone.status}`);
    for (const { what } of new Set(used)) increase(this.#allowed, what);
    const isFound = alone.status === 200 || alone.status === 304;
    const isKept = step.route === 'manifest' || (step.route === 'blob' && step.method === 'HEAD');
    if (isKept && isFound && step.method !== 'PUT') this.#mayHit++;
    if (!edge.isHit) return;
    this.#hits++;
    increase(this.#hitsOf, `${step.route} ${step.method}`);
  }

  /** The share of the questions about existing content that the cache answered. */
  get hitShare(): number {
    return this.#hits / Math.max(1, this.#mayHit);
  }

  /** Writes one line for each route and method, with how often each status was answered, and by the cache. */
  toString(): string {
    const share = `${Math.round(100 * this.hitShare)} %`;
    const lines = new Map<string, string[]>();
    for (const [key, count] of [...this.#statuses].sort()) {
      const [route, method, status] = key.split(' ');
      const line = `${route} ${method}`;
      lines.set(line, [...(lines.get(line) ?? []), `${status}: ${count}`]);
    }
    return [
      `${this.#requests} requests, ${this.#hits} hits (${share} of ${this.#mayHit} questions about existing content)`,
      ...[...lines].map(([line, counts]) => {
        const hits = this.#hitsOf.get(line);
        return `  ${line.padEnd(18)} ${counts.join(', ')}${hits === undefined ? '' : `; ${hits} hits`}`;
      }),
      ...[...this.#allowed].map(([what, count]) => `  allowed ${count} times: ${what}`),
    ].join('\n');
  }
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
