import { ALL_MANIFESTS } from '../../../src/oci/mediaTypes.ts';
import { type Edges, PUSHER } from './edges.ts';
import { createRandom } from './random.ts';
import { type SimulatedRegistry, TAG } from './registry.ts';
import type { Job, Shape } from './traffic.ts';

/** How many questions of one kind there were, and who answered them. */
export interface Tally {
  readonly asked: number;
  readonly hits: number;
  /** Of the hits. */
  readonly fromMemory: number;
}

export type Tallies = Readonly<Record<Job['kind'], Tally>>;

export const NOTHING_ASKED: Tallies = {
  pull: { asked: 0, hits: 0, fromMemory: 0 },
  push: { asked: 0, hits: 0, fromMemory: 0 },
};

/** Nodes that pull, and jobs of a CI that push, through any isolate. */
export class Clients {
  readonly #edges: Edges;
  readonly #origin: SimulatedRegistry;
  readonly #versions: number[];
  readonly #random: ReturnType<typeof createRandom>;
  /** Is replaced when something was asked. */
  tallies = NOTHING_ASKED;

  constructor(edges: Edges, origin: SimulatedRegistry, { repositories, seed }: Shape) {
    this.#edges = edges;
    this.#origin = origin;
    this.#random = createRandom(seed + 1);
    this.#versions = Array.from({ length: repositories }, () => 1);
    for (const [repository, version] of this.#versions.entries()) origin.push(nameOf(repository), version);
  }

  async do({ kind, repository }: Job): Promise<void> {
    if (kind === 'pull') await this.#pull(nameOf(repository));
    else await this.#push(repository);
  }

  async #pull(name: string): Promise<void> {
    const { headers } = await this.#ask('pull', 'HEAD', `${name}/manifests/${TAG}`);
    await this.#ask('pull', 'GET', `${name}/manifests/${headers.get('docker-content-digest')}`);
  }

  /** The blobs are asked for before what is new is there. The upload goes past the edge. */
  async #push(repository: number): Promise<void> {
    const name = nameOf(repository);
    const version = (this.#versions[repository] ?? 0) + 1;
    for (const { digest } of this.#origin.blobsOf(name, version)) {
      await this.#ask('push', 'HEAD', `${name}/blobs/${digest}`);
    }
    this.#versions[repository] = version;
    this.#origin.push(name, version);
  }

  async #ask(kind: Job['kind'], method: string, path: string): Promise<Response> {
    const headers = { accept: ALL_MANIFESTS, ...(kind === 'push' && { authorization: PUSHER }) };
    const request = new Request(`https://edge.example.com/v2/${path}`, { method, headers });
    const answer = await this.#edges.send(this.#random.next(), request);
    const told = answer.headers.get('cache-status') ?? '';
    const isHit = told.includes('; hit');
    const { asked, hits, fromMemory } = this.tallies[kind];
    const tally = {
      asked: asked + 1,
      hits: hits + (isHit ? 1 : 0),
      fromMemory: fromMemory + (isHit && told.includes('detail=memory') ? 1 : 0),
    };
    this.tallies = { ...this.tallies, [kind]: tally };
    return answer;
  }
}

function nameOf(repository: number): string {
  return `team/app-${repository}`;
}
