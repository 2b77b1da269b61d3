import { beforeAll, expect, test } from 'vitest';
import { SUCCESS } from './support/command.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Image, makeImage } from './support/image.ts';
import type { Login } from './support/journeys/client.ts';
import { ENGINES } from './support/journeys/engines.ts';
import { PROGRAMS } from './support/journeys/programs.ts';
import { loginAs } from './support/login.ts';
import { type Platform, startPlatform } from './support/platform.ts';
import { startRegistry, USER } from './support/registry.ts';
import { describeWith } from './support/tools.ts';

const CLIENTS = [...PROGRAMS, ...ENGINES];
const TOOLS = [...new Set(CLIENTS.flatMap(({ tools }) => tools))];
const AUDIENCE = 'https://edge.example.com';
const LIMIT_MS = 120_000;

describeWith(['registry', ...TOOLS], 'jobs that log in with identity tokens', () => {
  let edge: Edge;
  let platform: Platform;
  let image: Image;
  let another: Image;
  beforeAll(async () => {
    const origin = await startRegistry({ kind: 'registry', guarded: true });
    platform = await startPlatform(AUDIENCE);
    const users = {
      readers: { issuer: 'ci', claims: { repository: 'example/*' }, pull: ['team/*'] },
      app: { issuer: 'ci', claims: { repository: 'example/app', ref: 'main' }, pull: ['team/*'], push: ['team/app'] },
    };
    const variables = {
      CLIENT_AUTH: 'basic',
      OIDC_ISSUERS: JSON.stringify({ ci: { issuer: platform.url, audience: AUDIENCE } }),
      OIDC_USERS: JSON.stringify(users),
      ...{ ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: USER.name, ORIGIN_PASSWORD: USER.password },
      ALLOW_REPOSITORIES: 'team/*',
    };
    edge = await startEdge({ origin: origin.url, backend: 'durable', variables });
    image = await makeImage('identity tokens');
    another = await makeImage('identity tokens that may not push');
  });

  async function loginOf(repository: string, ref: string): Promise<Login> {
    const creds = `oidc:${await platform.issue({ sub: `repo:${repository}:${ref}`, repository, ref })}`;
    return { env: await loginAs(creds, edge.host), creds };
  }

  test.for(CLIENTS)(
    '$name pushes and pulls as one of them, and only as far as it may',
    { timeout: LIMIT_MS },
    async ({ name, open }) => {
      const job = await open(await loginOf('example/app', 'main'));
      await job.load(image);
      expect(await job.push(image, `${edge.host}/team/app:${name}`)).toMatchObject(SUCCESS);
      expect(await job.pull(`${edge.host}/team/app:${name}`)).toMatchObject(SUCCESS);
      expect((await job.push(image, `${edge.host}/team/other:${name}`)).code).not.toBe(0);
      const reader = await open(await loginOf('example/other', 'main'));
      await reader.load(another);
      expect(await reader.pull(`${edge.host}/team/app:${name}`)).toMatchObject(SUCCESS);
      expect((await reader.push(another, `${edge.host}/team/app:${name}`)).code).not.toBe(0);
      const stranger = await open(await loginOf('stranger/app', 'main'));
      expect((await stranger.pull(`${edge.host}/team/app:${name}`)).code).not.toBe(0);
    },
  );
});
