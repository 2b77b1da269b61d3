import { beforeAll, describe, expect, test } from 'vitest';
import {
  ACCOUNT_CREDS,
  ACCOUNT_KINDS,
  type AccountKind,
  type AccountOrigin,
  startAccountOrigin,
} from './support/accountOrigins.ts';
import { SUCCESS } from './support/command.ts';
import { OCI } from './support/contents.ts';
import { PATIENT, startEdge } from './support/edge.ts';
import { type EdgeUser, makeUser, variablesOf } from './support/edgeUsers.ts';
import { isHit } from './support/hits.ts';
import { request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import type { Client, Session } from './support/journeys/client.ts';
import { countThrough, observe } from './support/journeys/counts.ts';
import { ENGINES } from './support/journeys/engines.ts';
import { logIn } from './support/journeys/logIn.ts';
import { crane, PROGRAMS } from './support/journeys/programs.ts';
import { quietOf } from './support/journeys/sides.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { expectPush } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const CLIENTS = [...PROGRAMS, ...ENGINES];
const TOOLS = [...new Set(CLIENTS.flatMap(({ tools }) => tools))];
/** Where the pusher may only pull. */
const FIXED = 'team/fixed';

for (const kind of ACCOUNT_KINDS) {
  const title = `${kind.what}, behind an edge whose users push with its account`;
  describeWith([kind.kind, ...TOOLS], title, () => usersPush(kind));
}

function usersPush(kind: AccountKind): void {
  let origin: AccountOrigin;
  /** Between the clients and the edge. */
  let clients: CountingProxy;
  let host: string;
  let pusher: EdgeUser;
  let reader: EdgeUser;
  beforeAll(async () => {
    origin = await startAccountOrigin(kind);
    pusher = await makeUser('pusher', { pull: ['team/*'], push: ['team/*', `!${FIXED}`] });
    reader = await makeUser('reader', { pull: ['team/*'] });
    const variables = {
      ...origin.variables,
      ...variablesOf([pusher, reader]),
      ALLOW_REPOSITORIES: 'team/*',
      ...PATIENT,
    };
    const edge = await startEdge({ origin: origin.proxy.url, backend: 'durable', variables });
    clients = await startCountingProxy(edge.url);
    ({ host } = new URL(clients.url));
  });

  /** Logs a user's client in, and has it know an image. */
  async function openAs(user: EdgeUser, client: Client) {
    const login = await logIn(client, host, user);
    expect(login.outcome).toMatchObject(SUCCESS);
    const session = await client.open(login);
    const image = await makeImage(`pushed by ${user.name} ${client.name} ${kind.what}`);
    await session.load(image);
    return { session, image };
  }

  describe.for(CLIENTS)('$name', (client) => {
    const name = `team/by-${client.name}`;
    let session: Session;
    let image: Image;
    beforeAll(async () => {
      ({ session, image } = await openAs(pusher, client));
    });

    test('logs in with a token, pushes, and pulls the same', async () => {
      expect(await session.push(image, `${host}/${name}:v1`)).toMatchObject(SUCCESS);
      expect((await origin.ask('HEAD', `/v2/${name}/manifests/v1`, `repository:${name}:pull`)).status).toBe(200);
      expect(await session.pull(`${host}/${name}:v1`)).toMatchObject(SUCCESS);
      expect(await session.holds(image)).toBe(true);
    });

    test('pushes it under another tag, and every blob is a hit', async () => {
      const push = async (tag: string) =>
        expect(await session.push(image, `${host}/${name}:${tag}`)).toMatchObject(SUCCESS);
      await push('v2');
      const sides = { clients, origin: origin.proxy, settle: () => quietOf(origin.proxy) };
      const again = await observe(sides, () => push('v3'));
      const { hits, missed } = countThrough(again);
      expect([hits > 0, missed, again.got.filter(isUpload)]).toEqual([true, [], []]);
    });

    test('is told where it may not push, and the registry gets nothing', async () => {
      const before = origin.proxy.requests.length;
      const { code, output } = await session.push(image, `${host}/${FIXED}:by-${client.name}`);
      // ctr shows the status alone.
      expect([code === 0, output]).toEqual([false, expect.stringMatching(/this user may not push|403 Forbidden/)]);
      expect(origin.proxy.requests.slice(before).filter(isWrite)).toEqual([]);
    });
  });

  test('a user that only pulls gets a tag from the cache, and may not push', async () => {
    const { session, image } = await openAs(reader, crane);
    await expectPush(image, `${origin.registry.host}/${FIXED}:v1`, ACCOUNT_CREDS);
    expect(await session.pull(`${host}/${FIXED}:v1`)).toMatchObject(SUCCESS);
    expect(await session.holds(image)).toBe(true);
    const headers = { accept: OCI.manifest, ...reader.headers };
    const { body } = await until('the cache answers by tag', async () => {
      const answer = await request('GET', `${clients.url}/v2/${FIXED}/manifests/v1`, { headers });
      return isHit(answer) && answer;
    });
    expect(body.equals(image.manifest.bytes)).toBe(true);
    const { code, output } = await session.push(image, `${host}/team/by-reader:v1`);
    expect([code === 0, output]).toEqual([false, expect.stringContaining('this user may not push')]);
  });
}

const isWrite = (line: string) => !/^(?:GET|HEAD) /.test(line);
const isUpload = (line: string) => isWrite(line) && line.includes('/blobs/');
