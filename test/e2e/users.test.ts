import { createHash } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { SUCCESS } from './support/command.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { isHit } from './support/hits.ts';
import { head, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import type { Login } from './support/journeys/client.ts';
import { ENGINES } from './support/journeys/engines.ts';
import { PROGRAMS } from './support/journeys/programs.ts';
import { loginAt } from './support/login.ts';
import {
  OTHER_USER_HEADERS,
  type Registry,
  startRegistry,
  USER,
  USER_CREDS,
  USER_HEADERS,
} from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';

const CLIENTS = [...PROGRAMS, ...ENGINES];
const TOOLS = [...new Set(CLIENTS.flatMap(({ tools }) => tools))];
const [MINE, OTHERS] = ['team/app', 'secret/app'];
const LIMIT_MS = 60_000;
/** The account at the registry, which no user of the edge knows. */
const ORIGIN = { name: 'bob', creds: `bob:${USER.password}` };

describeWith(['registry', ...TOOLS], 'users of the edge, in front of a registry that knows only its account', () => {
  let origin: Registry;
  let edge: Edge;
  let login: Login;
  let image: Image;
  beforeAll(async () => {
    origin = await startRegistry({ kind: 'registry', guarded: true });
    const secret = createHash('sha256').update(USER.password).digest('hex');
    const variables = {
      ...{ CLIENT_AUTH: 'basic', USERS: JSON.stringify({ [USER.name]: { secret, pull: ['team/*'] } }) },
      ...{ ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: ORIGIN.name, ORIGIN_PASSWORD: USER.password },
      ALLOW_REPOSITORIES: 'team/*,secret/*',
    };
    edge = await startEdge({ origin: origin.url, backend: 'durable', variables });
    login = { env: await loginAt(edge.host), creds: USER_CREDS };
    image = await makeImage('users of the edge');
    for (const name of [MINE, OTHERS]) await expectPush(image, `${origin.host}/${name}:v1`, ORIGIN.creds);
  });

  test.for(CLIENTS)('$name logs in, and pulls what is named for the user', { timeout: LIMIT_MS }, async (client) => {
    const session = await client.open(login);
    expect(await session.pull(`${edge.host}/${MINE}:v1`)).toMatchObject(SUCCESS);
    expect((await session.pull(`${edge.host}/${OTHERS}:v1`)).code).not.toBe(0);
  });

  test.for(CLIENTS)('$name gets nothing without a login', { timeout: LIMIT_MS }, async (client) => {
    const session = await client.open({ env: await loginAt() });
    expect((await session.pull(`${edge.host}/${MINE}:v1`)).code).not.toBe(0);
  });

  test('a warm blob is a hit for the user, and for nobody else', async () => {
    const url = (name: string) => `${edge.url}/v2/${name}/blobs/${image.layers[0]?.digest}`;
    await head(url(MINE), USER_HEADERS);
    const answer = await head(url(MINE), USER_HEADERS);
    expect([answer.status, isHit(answer)]).toEqual([200, true]);
    const statuses = [head(url(MINE)), head(url(MINE), OTHER_USER_HEADERS), head(url(OTHERS), USER_HEADERS)];
    expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([401, 401, 403]);
  });

  test('clients are asked to log in, and may not write', async () => {
    const { status, headers } = await request('GET', `${edge.url}/v2/`);
    expect([status, headers['www-authenticate']]).toEqual([401, 'Basic realm="registry-edge", charset="UTF-8"']);
    const put = await request('PUT', `${edge.url}/v2/${MINE}/manifests/v2`, { headers: USER_HEADERS, body: '{}' });
    expect(put.status).toBe(403);
  });
});
