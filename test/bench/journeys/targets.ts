import { numberText } from '../report.ts';
import { compare, medianOf } from '../rounds.ts';
import { DISTANCE_MS, FIRST, type Journey, PAST } from './plan.ts';
import type { Sample } from './traveller.ts';

/** What one client did with images of one size, on the ways that are compared. */
export interface Measured {
  readonly client: string;
  readonly layers: number;
  readonly journey: Journey;
  readonly edge: readonly Sample[];
  readonly direct: readonly Sample[];
  /** The direct pushes without the distance. */
  readonly near: readonly Sample[];
  /** The edge's pushes within the window, if those could be measured. */
  readonly within: readonly Sample[] | undefined;
}

/** A bound, and whether it holds. */
export interface Target {
  readonly bound: string;
  readonly isMet: boolean;
}

/** What skopeo may wait for past the window: `GET /v2/`, the last question about a blob, and the PUT. */
const TRIPS = 3.1;
/** The machine may make a push slower by a tenth. */
const TOLERANCE = 1.1;
/** The most that a re-push past the window may take of the direct one's time, by the number of layers. */
const MOST_OF_DIRECT: Readonly<Record<number, number>> = { 8: 1 / 2.5, 70: 1 / 4 };
const MOST_OF_FIRST = 1.05;

/**
 * The targets of a journey. The medians of all rounds have to meet them. Past the window, crane and docker may take as
 * long as within it and one trip more, for the questions about the blobs, which they ask at the same time. A push
 * within the window took that long when the edge still asked the origin each `GET /v2/`.
 */
export function targetsOf(measured: Measured): Target[] {
  const { client, layers, journey, near, within } = measured;
  if (journey === FIRST) return [ofDirect(measured, MOST_OF_FIRST)];
  if (journey !== PAST) return [];
  if (client !== 'skopeo') return within ? [atMostMs(measured, TOLERANCE * (DISTANCE_MS + msOf(within)))] : [];
  const most = MOST_OF_DIRECT[layers];
  const waiting = atMostMs(measured, TOLERANCE * (TRIPS * DISTANCE_MS + msOf(near)));
  return most ? [ofDirect(measured, most), waiting] : [waiting];
}

function ofDirect({ edge, direct }: Measured, most: number): Target {
  const { ratio } = compare(
    edge.map(({ ms }) => ms),
    direct.map(({ ms }) => ms),
  );
  return { bound: `ratio ≤ ${most}`, isMet: ratio.median <= most };
}

function atMostMs({ edge }: Measured, most: number): Target {
  return { bound: `ms ≤ ${numberText(most)}`, isMet: msOf(edge) <= most };
}

function msOf(samples: readonly Sample[]): number {
  return medianOf(samples.map(({ ms }) => ms));
}
