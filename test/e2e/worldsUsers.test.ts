import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { startEdges } from './support/edge.ts';
import { startRegistry, USER, USER_HEADERS } from './support/registry.ts';
import { storedBy } from './support/storage.ts';
import { describeWith } from './support/tools.ts';
import { expectAlike } from './support/worlds/expectAlike.ts';
import { MORE_MS, MS_PER_REQUEST, ONLY, REQUESTS, SEED } from './support/worlds/settings.ts';
import { ALLOWED_OF_USERS, isComparable } from './support/worlds/users.ts';
import { createWorld } from './support/worlds/world.ts';

const SHARE = 0.15;
const COUNT = Math.ceil(REQUESTS * SHARE);
/** The account of the edges at the twin, which the user does not know. */
const ACCOUNT = { ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'bob', ORIGIN_PASSWORD: USER.password };

describeWith(['registry'], 'a registry with a user, and its twin that knows only the account of two edges', () => {
  test(`${COUNT} random requests of a user of the edges, seed ${SEED}: both answer alike and store the same`, {
    timeout: MORE_MS + COUNT * MS_PER_REQUEST,
  }, async () => {
    const start = () => startRegistry({ kind: 'registry', guarded: true, quiet: true });
    const [alone, twin] = [await start(), await start()];
    const secret = createHash('sha256').update(USER.password).digest('hex');
    const everything = { pull: ['**'], push: ['**'], delete: ['**'], catalog: true };
    const variables = {
      ...{ ...ACCOUNT, CLIENT_AUTH: 'basic', ALLOW_REPOSITORIES: 'r*/**', MIRRORED_HOSTS: 'registry.test' },
      USERS: JSON.stringify({ [USER.name]: { secret, ...everything } }),
    };
    const edges = await startEdges({ origin: twin.url, backend: 'durable' }, [variables, variables]);
    const urls = edges.map(({ url }) => url);
    await expectAlike(edges, {
      ...{ seed: SEED, count: COUNT, only: ONLY, callers: [USER_HEADERS] as const },
      ...{ isSent: isComparable, allowed: ALLOWED_OF_USERS },
      newPair: () => ({ alone: createWorld([alone.url]), edge: createWorld(urls) }),
    });
    expect(await storedBy(twin)).toEqual(await storedBy(alone));
  });
});
