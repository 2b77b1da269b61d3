import { setTimeout } from 'node:timers/promises';
import { type Image, makeImage } from '../../e2e/support/image.ts';
import { type Session, succeeded } from '../../e2e/support/journeys/client.ts';
import { quietOf } from '../../e2e/support/journeys/sides.ts';
import { medianOf } from '../rounds.ts';
import { DISTANCE_MS, type Journey, type Size } from './plan.ts';
import { type Interval, waitedMs } from './waited.ts';
import type { Way } from './ways.ts';

/** What one push took. */
export interface Sample {
  readonly ms: number;
  /** The requests that the origin got until it was quiet again. */
  readonly requests: number;
  /** How long the client waited for the origin, in times of its usual request. */
  readonly trips: number;
}

const LAYER_BYTES = 10_000;
/** Some clients remember on this machine which blobs they met, so each run has images of its own. */
const RUN = `${Date.now()} ${process.pid}`;

/** A client that pushes on one way. */
export class Traveller {
  readonly way: Way;
  readonly #session: Session;
  readonly #size: Size;
  #repository = '';
  #images: Record<Journey['pushes'], Image> | undefined;
  /** When nobody asked the origin any more after the last push. */
  #quietAt = 0;
  /** When the last push past the window began: nothing that it confirmed is older. */
  #confirmedSince = 0;

  constructor(way: Way, session: Session, size: Size) {
    this.way = way;
    this.#session = session;
    this.#size = size;
  }

  /** Pushes a small image, so that nothing is measured that happens only once. */
  async warmUp(): Promise<void> {
    const image = await makeImage(`${RUN} ${this.way.host}`, [LAYER_BYTES]);
    await this.#session.load(image);
    succeeded(await this.#session.push(image, `${this.way.host}/warm-up:latest`));
    await quietOf(this.way.origin);
  }

  /** Takes up an image that the registry has never seen, for a new repository, which it pushes in all journeys. */
  async prepare(repository: string): Promise<void> {
    const seed = `${RUN} ${this.way.host} ${repository}`;
    const layers = Array.from({ length: this.#size.layers }, () => LAYER_BYTES);
    this.#images = { image: await makeImage(seed, layers), grown: await makeImage(seed, [...layers, LAYER_BYTES]) };
    this.#repository = `${this.way.host}/${repository}`;
    for (const image of Object.values(this.#images)) await this.#session.load(image);
  }

  /**
   * Pushes under a new tag: crane sends nothing else to a tag that already names the image.
   * @throws Error the push failed, or it was to be within the window and took too long for that
   */
  async push(journey: Journey): Promise<Sample> {
    const image = this.#images?.[journey.pushes];
    if (!image) throw new Error('prepare before the first push');
    if (journey.when === 'past') await this.#passWindow();
    const { clients, origin } = this.way;
    const before = { clients: clients.answers.length, origin: origin.answers.length };
    const since = performance.now();
    succeeded(await this.#session.push(image, `${this.#repository}:${tagOf(journey)}`));
    const endedAt = performance.now();
    await quietOf(origin);
    this.#quietAt = performance.now();
    if (journey.when === 'past') this.#confirmedSince = since;
    if (journey.when === 'within') this.#expectWithin(endedAt);
    const asked = origin.answers.slice(before.origin);
    const waited = waitedMs(clients.answers.slice(before.clients), asked);
    return { ms: endedAt - since, requests: asked.length, trips: waited / usualMs(asked) };
  }

  async #passWindow(): Promise<void> {
    await setTimeout(Math.max(0, this.#quietAt + this.#size.windowMs - performance.now()));
  }

  #expectWithin(endedAt: number): void {
    const oldestMs = endedAt - this.#confirmedSince;
    if (this.way.hasEdge && oldestMs > this.#size.windowMs) {
      throw new Error(`the push ended ${Math.round(oldestMs)} ms after the one before began, past the window`);
    }
  }
}

/** How long a question to the origin takes here and now: its distance, and what the busy machine adds. */
function usualMs(asked: readonly Interval[]): number {
  return asked.length > 0 ? medianOf(asked.map(({ since, until }) => until - since)) : DISTANCE_MS;
}

function tagOf({ name }: Journey): string {
  return name.replaceAll(' ', '-');
}
