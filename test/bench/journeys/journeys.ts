import type { Client } from '../../e2e/support/journeys/client.ts';
import { type Report, reasonOf } from '../report.ts';
import type { Row } from '../rows.ts';
import { findTool } from '../tools.ts';
import { linesOf } from './lines.ts';
import { CLIENTS, SIZES, type Size } from './plan.ts';
import { tour } from './tour.ts';

/** A push mostly waits, so what else the machine does disturbs it less than other rows. */
const MOST_ROUNDS = 3;

/** A row for each client and size of image: `journeys`, `journeys-skopeo` or `journeys-skopeo-8` can be named. */
export const JOURNEY_ROWS: Readonly<Record<string, Row>> = Object.fromEntries(
  CLIENTS.flatMap((client) =>
    SIZES.map((size): [string, Row] => [
      `journeys-${client.name}-${size.layers}`,
      {
        needs: [],
        hasToBeNamed: true,
        run: (_name, { rounds }) => journeys(client, size, Math.min(rounds, MOST_ROUNDS)),
      },
    ]),
  ),
);

/** Measures how long pushes take through the edge and directly, of an origin that is far away. */
async function journeys(client: Client, size: Size, rounds: number): Promise<Report> {
  const about = { client: client.name, layers: size.layers };
  try {
    const absent = ['registry' as const, ...client.tools].filter((tool) => !findTool(tool));
    if (absent.length > 0) throw new Error(`it needs ${absent.join(', ')}`);
    return { figures: [], journeys: linesOf(client.name, size.layers, await tour(client, size, rounds)) };
  } catch (error) {
    return { figures: [], journeys: [{ ...about, journey: 'all', store: 'all', found: reasonOf(error) }] };
  }
}
