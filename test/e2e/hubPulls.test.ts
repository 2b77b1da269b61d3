import { beforeAll, expect, test } from 'vitest';
import { runClient, SUCCESS } from './support/command.ts';
import { image } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Hub, type HubOptions, startHub } from './support/hubs/hub.ts';
import { type Image, makeImage } from './support/image.ts';
import type { Client } from './support/journeys/client.ts';
import { ENGINES } from './support/journeys/engines.ts';
import { PROGRAMS } from './support/journeys/programs.ts';
import { startRegistry } from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { startTokenServer } from './support/tokenServer.ts';
import { describeWith } from './support/tools.ts';

/** containerd and docker ask for a tag by HEAD, and get the manifest by its digest; the others get it by the tag. */
const CLIENTS: readonly Client[] = [...ENGINES, ...PROGRAMS];
const TOOLS = [...new Set(CLIENTS.flatMap(({ tools }) => tools))];
/** Pulls and starts of daemons take seconds. */
const LIMIT_MS = 120_000;
const BUSYBOX = image('busybox');

type Pulled = Pick<Image, 'manifest'>;

/** Pulls as a client that knows nothing, and returns how that ended. */
async function pull(client: Client, edge: Edge, name: string, { manifest }: Pulled, by: 'tag' | 'digest') {
  const session = await client.open({ env: {} });
  return session.pull(`${edge.host}/${name}${by === 'tag' ? ':latest' : `@${manifest.digest}`}`);
}

const both = ['tag', 'digest'] as const;

describeWith(TOOLS, 'PRESET=docker-hub in front of a stand-in for Docker Hub', () => {
  let hub: Hub;
  let edge: Edge;
  beforeAll(async () => {
    hub = await startHub({ contents: { 'library/busybox': BUSYBOX } });
    const variables = { ...hub.variables, PRESET: 'docker-hub' };
    edge = await startEdge({ origin: hub.registry.url, backend: 'durable', variables });
  });

  const cases = CLIENTS.flatMap((client) =>
    ['busybox', 'library/busybox'].flatMap((name) => both.map((by) => ({ client, program: client.name, name, by }))),
  );
  test.for(cases)('$program pulls $name by $by', { timeout: LIMIT_MS }, async ({ client, name, by }) => {
    expect(await pull(client, edge, name, BUSYBOX, by)).toMatchObject(SUCCESS);
  });

  test('all of these pulls together counted as one, and needed one token', () => {
    expect(hub.pulls()).toBe(1);
    expect(hub.tokens.issued).toEqual(['repository:library/busybox:pull']);
  });
});

const HUBS: readonly { readonly what: string; readonly options: Omit<HubOptions, 'contents'> }[] = [
  { what: 'GHCR', options: { realmPath: '/token', refuses: (name) => name === 'team/private' } },
  { what: 'Quay', options: { realmPath: '/v2/auth', isOpen: (name) => name === 'team/open' } },
];

for (const { what, options } of HUBS) {
  describeWith(TOOLS, `an open mirror of a stand-in for ${what}`, () => {
    let hub: Hub;
    let edge: Edge;
    beforeAll(async () => {
      hub = await startHub({ contents: { 'team/busybox': BUSYBOX, 'team/open': BUSYBOX }, ...options });
      const variables = { CLIENT_AUTH: 'anonymous' };
      edge = await startEdge({ origin: hub.registry.url, backend: 'durable', variables });
    });

    const cases = CLIENTS.flatMap((client) => both.map((by) => ({ client, program: client.name, by })));
    test.for(cases)('$program pulls by $by', { timeout: LIMIT_MS }, async ({ client, by }) => {
      expect(await pull(client, edge, 'team/busybox', BUSYBOX, by)).toMatchObject(SUCCESS);
    });

    test('what nobody may pull without a login is denied, and no client is asked to log in', async () => {
      const { code, output } = await runClient('crane', ['manifest', '--insecure', `${edge.host}/team/private`]);
      expect([code, output]).toEqual([1, expect.stringContaining('DENIED')]);
    });

    test('what needs no token is pulled, whether others have needed one or not', async () => {
      const { code } = await runClient('crane', ['manifest', '--insecure', `${edge.host}/team/open`]);
      expect(code).toBe(0);
    });
  });
}

describeWith([...TOOLS, 'registry'], 'an open mirror of a registry 3.1 with token authentication', () => {
  let pushed: Image;
  let edge: Edge;
  beforeAll(async () => {
    const tokens = await startTokenServer();
    const registry = await startRegistry({ kind: 'registry', tokens });
    pushed = await makeImage('busybox', [20_000]);
    await expectPush(pushed, `${registry.host}/team/busybox:latest`, 'user:password');
    const variables = { CLIENT_AUTH: 'anonymous', TOKEN_REALMS_ALLOWED: new URL(tokens.auth.realm).host };
    edge = await startEdge({ origin: registry.url, backend: 'durable', variables });
  });

  const cases = CLIENTS.flatMap((client) => both.map((by) => ({ client, program: client.name, by })));
  test.for(cases)('$program pulls by $by', { timeout: LIMIT_MS }, async ({ client, by }) => {
    expect(await pull(client, edge, 'team/busybox', pushed, by)).toMatchObject(SUCCESS);
  });
});
