import { COSTS, type Cost, type KnownStore, sumOf, times } from './costs.ts';
import { billedAs, type Usage } from './usage.ts';

/** What arrives at an edge in a month. */
export interface Load {
  /** All requests of clients. */
  readonly requests: number;
  /** Images that are pushed. */
  readonly pushes: number;
  /** Of each image. Of a pushed one, the last layer and the config are new. */
  readonly layers: number;
}

/** How the cache answers: shares, from 0 to 1. */
export interface Answers {
  /** Of the questions: HEADs of tags and blobs, and GETs of manifests. */
  readonly hits: number;
  /** Of the hits, those that an isolate's memory answers. */
  readonly memory: number;
}

/** The new blobs of a pushed image. */
const NEW_BLOBS = 2;
/** A pull asks for the tag and for the manifest. */
export const QUESTIONS_A_PULL = 2;

/** All requests of a pull: its questions, the config and the layers. */
export function requestsOfPull(layers: number): number {
  return QUESTIONS_A_PULL + layers + 1;
}

/** All requests of a push: `GET /v2/`, a HEAD of each blob, a POST and a PUT of each new one, and the manifest. */
export function requestsOfPush(layers: number): number {
  return 1 + (layers + 1) + 2 * NEW_BLOBS + 1;
}

/** Returns how many images are pulled. @throws Error the pushes alone are more requests than there are */
export function pullsIn({ requests, pushes, layers }: Load): number {
  const left = requests - pushes * requestsOfPush(layers);
  if (left < 0) {
    const least = pushes * requestsOfPush(layers);
    throw new Error(`--requests: expected at least ${least}, which ${pushes} pushes of ${layers} layers are`);
  }
  return left / requestsOfPull(layers);
}

/** Returns what a push costs in a store, besides the HEADs before it. The check of a manifest is one look for all. */
export function costOfPush(store: KnownStore, layers: number): Cost {
  const { warm, writeBack, content, tag } = COSTS[store];
  const check = { ...times(warm, layers + 1), storeRequests: warm.storeRequests };
  return sumOf(times(writeBack, NEW_BLOBS), check, writeBack, content.write, tag.push);
}

/** Returns what a load is billed as. */
export function usageOf(store: KnownStore, load: Load, { hits, memory }: Answers): Usage {
  const { warm, writeBack, content, tag } = COSTS[store];
  const pulls = pullsIn(load);
  const questions = pulls * QUESTIONS_A_PULL + load.pushes * (load.layers + 1);
  const cost = sumOf(
    times(warm, questions * (1 - hits * memory)),
    times(writeBack, questions * (1 - hits)),
    // Of each pull, one question wants content. What is past its window has it in the store, so a miss writes none.
    times(content.read, pulls * (1 - hits * memory)),
    // An object reads the descriptor together with the tag.
    times(tag.read, store === 'durable' ? 0 : pulls),
    times(costOfPush(store, load.layers), load.pushes),
  );
  return { workersRequests: load.requests, ...billedAs(store, cost) };
}
