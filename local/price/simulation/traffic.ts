import { type Load, pullsIn, QUESTIONS_A_PULL } from '../load.ts';
import { SECONDS_A_MONTH } from '../prices.ts';
import { createRandom, createZipf, type Random } from './random.ts';

/** The form of a traffic. */
export interface Shape extends Load {
  readonly seed: number;
  readonly repositories: number;
  /** How many nodes pull an image at about the same time. */
  readonly fleet: number;
  /** How many questions are simulated. */
  readonly sample: number;
}

/** Something that a client does. */
export interface Job {
  /** In ms since the beginning. */
  readonly at: number;
  readonly kind: 'pull' | 'push';
  readonly repository: number;
}

export interface Traffic {
  /** In the order of time. */
  readonly jobs: readonly Job[];
  readonly lengthMs: number;
}

/** Within this time, all nodes of a fleet pull. */
const ROLLOUT_MS = 60_000;
const MONTH_MS = SECONDS_A_MONTH * 1_000;

/** Makes the traffic of a part of a month, which is long enough for so many questions. */
export function createTraffic(shape: Shape): Traffic {
  const pulls = pullsIn(shape);
  const questions = pulls * QUESTIONS_A_PULL + shape.pushes * (shape.layers + 1);
  const part = Math.min(1, shape.sample / questions);
  const lengthMs = MONTH_MS * part;
  const random = createRandom(shape.seed);
  const zipf = createZipf(shape.repositories, random);
  const jobs: Job[] = [];
  for (let n = 0; n < Math.round((pulls * part) / shape.fleet); n++) {
    const [start, repository] = [random.next() * lengthMs, zipf.draw()];
    for (let node = 0; node < shape.fleet; node++) {
      jobs.push({ at: start + random.next() * ROLLOUT_MS, kind: 'pull', repository });
    }
  }
  for (let n = 0; n < Math.round(shape.pushes * part); n++) jobs.push(pushAt(lengthMs, random, zipf.draw()));
  return { jobs: jobs.sort((a, b) => a.at - b.at), lengthMs };
}

function pushAt(lengthMs: number, random: Random, repository: number): Job {
  return { at: random.next() * lengthMs, kind: 'push', repository };
}
