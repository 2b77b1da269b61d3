import { expect, test } from 'vitest';
import { SUCCESS } from './support/command.ts';
import { image } from './support/contents.ts';
import { startHub } from './support/hubs/hub.ts';
import { PROGRAMS } from './support/journeys/programs.ts';
import { describeWith } from './support/tools.ts';

const TOOLS = PROGRAMS.flatMap(({ tools }) => tools);
const NAME = 'library/busybox';
const STAND_INS = [
  { what: 'Docker Hub', options: {} },
  { what: 'GHCR', options: { realmPath: '/token' } },
  { what: 'Quay', options: { realmPath: '/v2/auth' } },
];

describeWith(TOOLS, 'a stand-in for a public registry, without the edge', () => {
  test.for(STAND_INS)('clients that know $what pull from it, with a token of their own', async ({ options }) => {
    const hub = await startHub({ contents: { [NAME]: image('alone') }, ...options });
    for (const program of PROGRAMS) {
      const [pulls, issued] = [hub.pulls(), hub.tokens.issued.length];
      const session = await program.open({ env: {} });
      const outcome = await session.pull(`${new URL(hub.registry.url).host}/${NAME}:latest`);
      expect(outcome, program.name).toMatchObject(SUCCESS);
      expect([program.name, hub.pulls() - pulls]).toEqual([program.name, 1]);
      expect(hub.tokens.issued.slice(issued)).toContain(`repository:${NAME}:pull`);
    }
  });
});
