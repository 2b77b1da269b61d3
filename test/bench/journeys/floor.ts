import type { Client } from '../../e2e/support/journeys/client.ts';
import { startRedisFor } from '../../e2e/support/redis.ts';
import { BACKENDS, type BackendKind } from '../../e2e/support/tools.ts';
import { serveOnMiniflare } from '../miniflare.ts';
import { type Figure, figureOf, type Report } from '../report.ts';
import { runRounds } from '../rounds.ts';
import type { Row } from '../rows.ts';
import { barePath } from '../settings.ts';
import { CLIENTS, FIRST, PAST, PUSH_LIMIT_MS } from './plan.ts';
import { type Sample, Traveller } from './traveller.ts';
import { type StartFront, startRoads } from './ways.ts';

/** A push past the window has to be longer ago than that; both sides ask for every layer then. */
const SIZE = { layers: 70, windowMs: 5_000 };

/** A row for each client: `floor-skopeo`. */
export const FLOOR_ROWS: Readonly<Record<string, Row>> = Object.fromEntries(
  CLIENTS.map((client): [string, Row] => [
    `floor-${client.name}`,
    {
      needs: ['registry', 'redis-server', ...client.tools],
      hasToBeNamed: true,
      run: (row, { rounds }) => floor(row, client, rounds),
    },
  ]),
);

/**
 * Measures a push past the window against a Worker that does only what any has to, on each store: what the edge adds to
 * what workerd, the simulated store, the registry and the client take on this machine.
 */
async function floor(row: string, client: Client, rounds: number): Promise<Report> {
  const startWay = await startRoads(SIZE.windowMs);
  const session = await client.open({ env: {}, limitMs: PUSH_LIMIT_MS });
  const figures: Figure[] = [];
  for (const backend of BACKENDS) {
    const travellers = {
      edge: new Traveller(await startWay(backend), session, SIZE),
      other: new Traveller(await startWay(backend, startBare(backend)), session, SIZE),
    };
    for (const traveller of Object.values(travellers)) {
      await traveller.warmUp();
      await traveller.prepare(`floor-${backend}`);
      await traveller.push(FIRST);
    }
    let pushes = 0;
    const past = (traveller: Traveller) => () => traveller.push({ ...PAST, name: `${PAST.name} ${pushes++}` });
    const results = await runRounds(rounds, { edge: past(travellers.edge), other: past(travellers.other) });
    const about = { row, against: `bare Worker, ${backend}` };
    figures.push(
      figureOf({ ...about, measure: 'ms' }, results, ({ ms }: Sample) => ms),
      figureOf({ ...about, measure: 'trips' }, results, ({ trips }: Sample) => trips),
    );
  }
  return { figures };
}

function startBare(backend: BackendKind): StartFront {
  return async (_name, origin) => {
    const store = await startRedisFor(backend);
    const bindings = { STORE: backend, ORIGIN_URL: origin, ...store?.variables };
    const { urls } = await serveOnMiniflare({ script: barePath('pusher.js'), bindings });
    return urls[0] ?? '';
  };
}
