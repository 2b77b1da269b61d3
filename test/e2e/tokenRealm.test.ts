import { beforeAll, expect, test } from 'vitest';
import { CLIENTS, crane } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import { image, layoutOf } from './support/contents.ts';
import { startEdge } from './support/edge.ts';
import { basic, request } from './support/http.ts';
import { PUSHERS } from './support/pushers.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { startTokenServer, type TokenServer } from './support/tokenServer.ts';
import { describeWith } from './support/tools.ts';
import { pulledTree } from './support/tree.ts';

const IMAGE = image('behind a private realm');
/** The programs; the others of `PUSHERS` send no login. */
const PROGRAMS = PUSHERS.filter(({ name }) => !name.endsWith('-style'));
const HOSTS = { one: '127.0.0.2', other: '127.0.0.3' } as const;
type Alias = keyof typeof HOSTS;

interface Side {
  readonly tokens: TokenServer;
  readonly registry: Registry;
}

/** Starts a registry whose realm has an address that clients built on go-containerregistry refuse. */
async function startSide(): Promise<Side> {
  const started = await startTokenServer();
  const realm = started.auth.realm.replace('localhost', '127.0.0.1');
  const tokens = { ...started, auth: { ...started.auth, realm } };
  return { tokens, registry: await startRegistry({ kind: 'registry', tokens, quiet: true }) };
}

describeWith(
  ['crane', 'oras', 'regctl', 'registry', 'skopeo'],
  'two registries whose clients cannot use their realms',
  () => {
    let sides: Record<Alias, Side>;
    let port: string;
    const hostOf = (alias: Alias) => `${HOSTS[alias]}:${port}`;
    beforeAll(async () => {
      sides = { one: await startSide(), other: await startSide() };
      const upstreams = Object.entries(sides).map(([alias, { tokens, registry }]) => {
        const TOKEN_REALMS_ALLOWED = new URL(tokens.auth.realm).host;
        const own = {
          ORIGIN_URL: registry.url,
          HOSTS: HOSTS[alias as Alias],
          TOKEN_REALM: 'edge',
          TOKEN_REALMS_ALLOWED,
        };
        return [alias, own] as const;
      });
      const variables = { HOST: '0.0.0.0', UPSTREAMS: JSON.stringify(Object.fromEntries(upstreams)) };
      const edge = await startEdge({ origin: '', backend: 'durable', variables });
      ({ port } = new URL(edge.url));
    });

    test('crane cannot pull from the registry itself', async () => {
      const { code, output } = await crane.pull(`${sides.one.registry.host}/team/app:latest`);
      expect([code, output]).toEqual([1, expect.stringContaining('realm')]);
    });

    test.for(PROGRAMS)(
      '$name pushes and pulls through the edge, with tokens of that registry',
      async ({ name, push }) => {
        const [issued, others] = [sides.one.tokens.issued(), sides.other.tokens.issued()];
        const reference = `${hostOf('one')}/by-${name}:v1`;
        expect(await push(await layoutOf(IMAGE), reference)).toMatchObject(SUCCESS);
        const program = CLIENTS.find((client) => client.name === name);
        const pulled = await program?.pull(reference);
        expect(pulled).toMatchObject(SUCCESS);
        expect(Object.keys(await pulledTree(pulled?.folder ?? '')).length).toBeGreaterThan(1);
        expect(sides.one.tokens.issued()).toBeGreaterThan(issued);
        expect(sides.other.tokens.issued()).toBe(others);
      },
    );

    test('a token of one registry is of no use at the other', async () => {
      const ask = async (alias: Alias) => {
        const query = 'service=registry.test&scope=repository:by-crane:pull';
        const url = `http://${hostOf(alias)}/v2/auth/token?${query}`;
        const { body } = await request('GET', url, { headers: basic('alice', 'secret') });
        return `Bearer ${JSON.parse(String(body)).token}`;
      };
      const status = async (alias: Alias, authorization: string) =>
        (await request('GET', `http://${hostOf(alias)}/v2/by-crane/tags/list`, { headers: { authorization } })).status;
      const [one, other] = [await ask('one'), await ask('other')];
      expect([await status('one', one), await status('one', other)]).toEqual([200, 401]);
      expect([await status('other', one), await status('other', other)]).toEqual([401, 404]);
    });

    test('each challenge names the host that was asked', async () => {
      for (const alias of ['one', 'other'] as const) {
        const { status, headers } = await request('GET', `http://${hostOf(alias)}/v2/`);
        expect([status, headers['www-authenticate']]).toEqual([
          401,
          expect.stringContaining(`realm="http://${hostOf(alias)}/v2/auth/token"`),
        ]);
      }
    });
  },
);
