import { BACKENDS, type BackendKind } from '../../e2e/support/tools.ts';
import { type Comparison, compare, type Spread, spreadOf } from '../rounds.ts';
import type { Findings } from './findings.ts';
import { JOURNEYS, type Journey, WITHIN } from './plan.ts';
import { type Target, targetsOf } from './targets.ts';
import type { Sample } from './traveller.ts';
import type { WayName } from './ways.ts';

/** A line of the table: a journey through an edge on one store, compared with the direct one. */
export interface JourneyLine {
  readonly client: string;
  readonly layers: number;
  readonly journey: string;
  readonly store: string;
  /** A text is the reason why it could not be measured. */
  readonly found: JourneyFigures | string;
}

export interface JourneyFigures {
  /** The client's time; here as in what follows, `other` is the direct one. */
  readonly ms: Comparison;
  /** The requests that the origin got. */
  readonly requests: Comparison;
  /** How long the client waited for the origin, in times of one request. */
  readonly trips: Comparison;
  /** The client's time without the edge and without the distance. */
  readonly nearMs: Spread;
  readonly targets: readonly Target[];
}

/** Lines for all journeys on all stores, in the order of the table. */
export function linesOf(client: string, layers: number, findings: Findings): JourneyLine[] {
  return JOURNEYS.flatMap((journey) =>
    BACKENDS.map((store) => {
      const found = figuresOf({ client, layers, journey }, store, findings);
      return { client, layers, journey: journey.name, store, found };
    }),
  );
}

function figuresOf(
  about: { readonly client: string; readonly layers: number; readonly journey: Journey },
  store: BackendKind,
  findings: Findings,
): JourneyFigures | string {
  const of = (way: WayName) => findings.of(way, about.journey);
  const [edge, direct, near] = [of(store), of('direct'), of('near')] as const;
  if (typeof edge === 'string') return edge;
  if (typeof direct === 'string') return `direct: ${direct}`;
  if (typeof near === 'string') return `near: ${near}`;
  const compared = (value: (sample: Sample) => number) => compare(edge.map(value), direct.map(value));
  const within = findings.of(store, WITHIN);
  return {
    ms: compared(({ ms }) => ms),
    requests: compared(({ requests }) => requests),
    trips: compared(({ trips }) => trips),
    nearMs: spreadOf(near.map(({ ms }) => ms)),
    targets: targetsOf({ ...about, edge, direct, near, within: typeof within === 'string' ? undefined : within }),
  };
}
