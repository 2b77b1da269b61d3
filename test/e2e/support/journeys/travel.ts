import { setTimeout } from 'node:timers/promises';
import type { Outcome } from '../command.ts';
import { makeImage } from '../image.ts';
import type { Client } from './client.ts';
import { countThrough, type Observed, observe, refusedOf, type Through } from './counts.ts';
import { BEFORE_LATE, JOURNEYS, type Journey, LATE_JOURNEYS, type Traveller } from './journeys.ts';
import { type Access, LATE_MS, type Side, type Sides, startSides } from './sides.ts';

/** What one journey of one client costs, with and without the edge. */
export interface Cell {
  readonly client: string;
  readonly journey: string;
  /** Whether what the edge knows was older than `PUSH_EXISTENCE_TTL`. */
  readonly isLate: boolean;
  /** How the client ended: as it should, or as it failed first. */
  readonly outcome: Outcome;
  /** The requests that the origin gets without the edge. */
  readonly direct: readonly string[];
  /** How many of them were answered 401. */
  readonly refused: number;
  readonly through: Through;
}

interface Travelled extends Observed {
  readonly outcome: Outcome;
}

const LAYERS = [400, 900, 2_000];
const NEW_LAYER = 700;

/** Sends each client on each journey, on each side. */
export async function travelAll(access: Access, clients: readonly Client[]): Promise<Cell[]> {
  const sides = await startSides(access);
  const late = await Promise.all(clients.map((client) => prepare(client, sides.late, `${access} late`, 'late/')));
  for (const traveller of late) await travel(BEFORE_LATE, sides.late, traveller);
  let lateAt = Date.now();

  const cells: Cell[] = [];
  for (const client of clients) cells.push(...(await travelTwice(access, client, sides)));

  for (const journey of LATE_JOURNEYS) {
    await setTimeout(Math.max(0, lateAt + LATE_MS + 500 - Date.now()));
    for (const [position, traveller] of late.entries()) {
      const { name } = clients[position] as Client;
      const { outcome, ...observed } = await travel(journey, sides.late, traveller);
      const { direct, refused } = cells.find((cell) => cell.client === name && cell.journey === journey.as) as Cell;
      const cell = { ...cellOf(name, journey, outcome), isLate: true, direct, refused };
      cells.push({ ...cell, through: countThrough(observed) });
    }
    lateAt = Date.now();
  }
  return cells;
}

/** Makes all journeys with and without the edge. */
async function travelTwice(access: Access, client: Client, sides: Sides): Promise<Cell[]> {
  const [direct, through] = await Promise.all([
    prepare(client, sides.direct, `${access} direct`),
    prepare(client, sides.edge, `${access} edge`),
  ]);
  const cells: Cell[] = [];
  for (const journey of JOURNEYS) {
    const [without, { outcome, ...observed }] = await Promise.all([
      travel(journey, sides.direct, direct),
      travel(journey, sides.edge, through),
    ]);
    const cell = cellOf(client.name, journey, without.outcome.code === 0 ? outcome : without.outcome);
    const refused = refusedOf(without.answers);
    cells.push({ ...cell, isLate: false, direct: without.got, refused, through: countThrough(observed) });
  }
  return cells;
}

function cellOf(client: string, { name }: Journey, outcome: Outcome) {
  return { client, journey: name, outcome };
}

/** Some clients remember on this machine which blobs they met, so each run has images of its own. */
const RUN = `${Date.now()} ${process.pid}`;

/** @param folder what precedes its repositories' names, where two sides have one registry */
async function prepare(client: Client, { host, login }: Side, seed: string, folder = ''): Promise<Traveller> {
  const session = await client.open(login);
  const image = await makeImage(`${RUN} ${client.name} ${seed}`, LAYERS);
  const grown = await makeImage(`${RUN} ${client.name} ${seed}`, [...LAYERS, NEW_LAYER]);
  await session.load(image);
  await session.load(grown);
  return { session, prefix: `${host}/${folder}${client.name}`, image, grown };
}

async function travel(journey: Journey, side: Side, traveller: Traveller): Promise<Travelled> {
  let outcome: Outcome = { code: -1, output: '' };
  const observed = await observe(side, async () => {
    outcome = await journey.go(traveller);
  });
  return { ...observed, outcome };
}
