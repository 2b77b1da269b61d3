import { appendFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { SUCCESS } from '../command.ts';
import { describeWith } from '../tools.ts';
import type { Client } from './client.ts';
import { JOURNEYS, LATE_JOURNEYS } from './journeys.ts';
import { asksMore, EXISTENCE, requestsWithoutEdge } from './rules.ts';
import { ACCESSES, type Access } from './sides.ts';
import { type Cell, travelAll } from './travel.ts';

/** All journeys of these clients together take about half a minute. */
const LIMIT_MS = 300_000;

/** Makes all journeys with these clients, once for each way of access, and holds each cell against the rules. */
export function describeJourneys(clients: readonly Client[]): void {
  const tools = ['registry', ...clients.flatMap((client) => client.tools)] as const;
  for (const access of ACCESSES) {
    const names = clients.map(({ name }) => name).join(', ');
    describeWith([...new Set(tools)], `${names}; access: ${access}`, () => journeys(access, clients));
  }
}

function journeys(access: Access, clients: readonly Client[]): void {
  let cells: readonly Cell[];
  beforeAll(async () => {
    cells = await travelAll(access, clients);
    await keep(access, cells);
  }, LIMIT_MS);

  const all = [...JOURNEYS, ...LATE_JOURNEYS].flatMap(({ name: journey, isAgain }) =>
    clients.map(({ name: client }) => ({ journey, isAgain, client })),
  );
  const cellOf = ({ journey, client }: Pick<Cell, 'journey' | 'client'>): Cell =>
    cells.find((cell) => cell.client === client && cell.journey === journey) as Cell;

  test.for(all)('$journey with $client: works as without the edge', (which) => {
    expect(cellOf(which).outcome).toMatchObject(SUCCESS);
  });

  test.for(all)('$journey with $client: the origin gets no request more than without the edge', (which) => {
    const cell = cellOf(which);
    expect(cell.through.forwarded, cell.direct.join('\n')).toBeLessThanOrEqual(requestsWithoutEdge(cell));
    expect(asksMore(cell, access), cell.through.own.join('\n')).toBe(false);
  });

  test.for(all)('$journey with $client: the edge asks by itself at most once whether a digest exists', (which) => {
    const { own } = cellOf(which).through;
    // A token that is new to the edge proves its access by one question, whoever asked it before.
    const proofs = access === 'fresh token, not verified' ? 1 : 0;
    expect(own.length, own.join('\n')).toBeLessThanOrEqual(new Set(own).size + proofs);
    for (const question of own) expect(question).toMatch(EXISTENCE);
  });

  if (access !== 'fresh token, verified') return;
  const hits = all.filter(({ isAgain }) => isAgain);
  test.for(hits)('$journey with $client: every blob that exists is a hit for a verified token', (which) => {
    expect(cellOf(which).through.missed).toEqual([]);
  });
}

/** Appends the cells to the file `JOURNEYS`, a JSON object in each line, for the table in docs/clients.md. */
async function keep(access: Access, cells: readonly Cell[]): Promise<void> {
  const { JOURNEYS: file } = process.env;
  if (!file) return;
  const lines = cells.map(({ client, journey, direct, through: { forwarded, own, hits } }) =>
    JSON.stringify({ access, client, journey, direct: direct.length, forwarded, own: own.length, hits }),
  );
  await appendFile(file, `${lines.join('\n')}\n`);
}
