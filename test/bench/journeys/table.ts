import { failureText, numberText, spreadText, table } from '../report.ts';
import type { JourneyFigures, JourneyLine } from './lines.ts';
import { DISTANCE_MS } from './plan.ts';

const HEAD = [
  ...['client', 'layers', 'journey', 'store', 'direct, ms', 'edge, ms', 'ratio', 'near, ms'],
  ...['requests, direct', 'edge', 'trips, direct', 'edge', 'targets'],
];

/** A table for docs/benchmarks.md, and what its columns are. */
export function journeysTable(lines: readonly JourneyLine[]): string {
  const rows = lines.map(({ client, layers, journey, store, found }) => {
    const cells = typeof found === 'string' ? [failureText(found), ...Array(8).fill('')] : cellsOf(found);
    return [client, String(layers), journey, store, ...cells];
  });
  const method =
    `A request takes ${DISTANCE_MS} ms to the origin and back. Medians of the rounds, of the ratio with minimum and ` +
    'maximum. `near` is the direct push with no distance. `requests` reached the origin; `trips` is how long the ' +
    'client waited for it, in times of one request.';
  return `${table(HEAD, rows)}\n\n${method}`;
}

function cellsOf({ ms, requests, trips, nearMs, targets }: JourneyFigures): string[] {
  const medians = [nearMs, requests.other, requests.edge, trips.other, trips.edge];
  return [
    ...[ms.other, ms.edge].map(({ median }) => numberText(median)),
    spreadText(ms.ratio),
    ...medians.map(({ median }) => numberText(median)),
    targets.map(({ bound, isMet }) => `${bound}: ${isMet ? 'yes' : 'NO'}`).join('; '),
  ];
}
