import { docker } from '../../e2e/support/journeys/docker.ts';
import { crane, skopeo } from '../../e2e/support/journeys/programs.ts';

/** The time that a request to the origin takes on its way there and back. */
export const DISTANCE_MS = 80;

/** skopeo uploads 70 layers one after the other in half a minute, and on a busy machine in more. */
export const PUSH_LIMIT_MS = 180_000;

/** skopeo asks one thing after the other, crane and docker several at the same time. */
export const CLIENTS = [skopeo, crane, docker] as const;

/** An image that is pushed. */
export interface Size {
  readonly layers: number;
  /**
   * The edge's `PUSH_EXISTENCE_TTL`. It is longer than the first push, as it is by default, so that its manifest needs
   * no question, and longer than two pushes: after the one that is past the window follows the one within it.
   */
  readonly windowMs: number;
}

export const SIZES: readonly Size[] = [
  { layers: 8, windowMs: 10_000 },
  { layers: 70, windowMs: 60_000 },
];

export interface Journey {
  readonly name: string;
  /** `grown` is the image with one more layer. */
  readonly pushes: 'image' | 'grown';
  /** Where it stands in time: before or after the edge's confirmations are older than the window. */
  readonly when: 'first' | 'within' | 'past';
}

export const FIRST: Journey = { name: 'first push', pushes: 'image', when: 'first' };
export const WITHIN: Journey = { name: 're-push within the window', pushes: 'image', when: 'within' };
export const PAST: Journey = { name: 're-push past the window', pushes: 'image', when: 'past' };
const NEW_LAYER: Journey = { name: 'one new layer past the window', pushes: 'grown', when: 'past' };

/** In the order of the table. */
export const JOURNEYS: readonly Journey[] = [FIRST, WITHIN, PAST, NEW_LAYER];

/**
 * In the order in which they are made. All ways are gone for one stage before the next, so that the time until the
 * window has passed is spent only once. What a push past the window asks is what makes the next one within it.
 */
export const STAGES: readonly (readonly Journey[])[] = [[FIRST], [PAST, WITHIN], [NEW_LAYER]];
