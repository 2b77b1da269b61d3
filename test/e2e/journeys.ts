import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACCESSES } from './support/journeys/sides.ts';
import { type Row, tablesOf } from './support/journeys/table.ts';
import { inProject } from './support/project.ts';

const PAGE = inProject('docs', 'clients.md');
const [BEGIN, END] = ['<!-- journeys: begin -->', '<!-- journeys: end -->'];
const CLIENTS = ['docker', 'containerd', 'podman', 'skopeo', 'crane', 'oras', 'regctl'];

/** Counts all journeys anew and writes the tables in docs/clients.md: `npx -c 'node test/e2e/journeys.ts'`. */
function main(): void {
  const page = readFileSync(PAGE, 'utf8');
  const [before, after] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
  if (after < before) throw new Error(`${PAGE} has no place for the tables: ${BEGIN} … ${END}`);
  writeFileSync(PAGE, `${page.slice(0, before)}\n\n${tablesOf(count().toSorted(inOrder))}\n${page.slice(after)}`);
}

/** Runs the tests, which keep what they count. */
function count(): Row[] {
  const folder = mkdtempSync(join(tmpdir(), 'registry-edge-journeys-'));
  const file = join(folder, 'rows');
  try {
    const vitest = inProject('node_modules', 'vitest', 'vitest.mjs');
    const args = [vitest, 'run', '--config', 'vitest.e2e.config.ts', 'test/e2e/journeys'];
    const env = { ...process.env, CI: 'true', JOURNEYS: file };
    const { status } = spawnSync(process.execPath, args, { cwd: inProject(), env, stdio: 'inherit' });
    if (status !== 0) throw new Error('the journeys failed; the page is as it was');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as Row);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Ways of access as the tests have them, clients as on the page, and journeys as they were made. */
function inOrder(one: Row, other: Row): number {
  const accesses: readonly string[] = ACCESSES;
  return (
    accesses.indexOf(one.access) - accesses.indexOf(other.access) ||
    CLIENTS.indexOf(one.client) - CLIENTS.indexOf(other.client)
  );
}

main();
