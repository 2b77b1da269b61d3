import { describe, expect, test } from 'vitest';
import { startAws } from './support/accounts/aws.ts';
import { startGoogle } from './support/accounts/google.ts';
import type { PasswordService } from './support/accounts/service.ts';
import { SUCCESS } from './support/command.ts';
import { startEdge } from './support/edge.ts';
import { makeUser, variablesOf } from './support/edgeUsers.ts';
import type { Received } from './support/hubs/recording.ts';
import { makeImage } from './support/image.ts';
import type { Client } from './support/journeys/client.ts';
import { logIn } from './support/journeys/logIn.ts';
import { crane, skopeo } from './support/journeys/programs.ts';
import { startRecordingProxy } from './support/recordingProxy.ts';
import { startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';

/** The edge uses a password that lives as short as that for 5 s only, so it has as long to arrive. */
const LIFE_MS = 10_000;
/** With this much for each answer of the origin, a push takes longer than a password lives. */
const DELAY_MS = 1_800;
const ACCOUNTS = [
  { what: 'ECR', start: startAws },
  { what: 'Google', start: startGoogle },
] as const;
type Account = (typeof ACCOUNTS)[number];

/**
 * Starts a registry that knows only the passwords of an account that are good now, and an edge with this account.
 * @param lifeMs how long each password lives
 * @param onRequest gets each request before the edge does
 */
async function startSide(
  { start }: Account,
  lifeMs: number,
  onRequest?: (request: Received, by: PasswordService) => void,
) {
  const service = await start(lifeMs);
  const registry = await startRegistry({ kind: 'registry', quiet: true });
  const refused: string[] = [];
  const origin = await startRecordingProxy(registry.url, ({ method, path, headers }) => {
    const isAccepted = service.passwords.accepts(headers.authorization);
    if (!isAccepted && headers.authorization) refused.push(`${method} ${path}`);
    return isAccepted;
  });
  const user = await makeUser('ci', { pull: ['team/*'], push: ['team/*'] });
  const variables = { ...service.variables, ...variablesOf([user]), ALLOW_REPOSITORIES: 'team/*' };
  const edge = await startEdge({ origin: origin.url, backend: 'inmemory', variables });
  const clients = await startRecordingProxy(edge.url, (request) => {
    onRequest?.(request, service);
    return true;
  });
  const { host } = new URL(clients.url);
  /** Pushes an image of two blobs. */
  async function push(client: Client, name: string) {
    const session = await client.open(await logIn(client, host, user));
    return session.push(await makeImage(name, [30_000]), `${host}/team/${name}:v1`);
  }
  /** The client's requests that failed, without those in which it asks whether it has to log in. */
  const failed = () =>
    clients.answers.filter(({ status, request }) => status !== 404 && status >= 400 && request !== 'GET /v2/');
  return { service, origin, refused, clients, push, failed };
}

/** Revokes the passwords once, when the first request with this method comes. */
function revokeAt(method: string) {
  let isRevoked = false;
  return (request: Received, { passwords }: PasswordService) => {
    if (isRevoked || request.method !== method) return;
    isRevoked = true;
    passwords.revoke();
  };
}

describeWith(['crane', 'registry', 'skopeo'], 'the account of the edge', () => {
  describe.for(ACCOUNTS)('$what', { concurrent: true }, (account) => {
    test('is renewed while clients push, before its password ends: none of their requests fails', async () => {
      const { service, origin, refused, push, failed } = await startSide(account, LIFE_MS);
      origin.slowDown(DELAY_MS);
      const since = Date.now();
      const outcomes = await Promise.all([push(crane, 'by-crane'), push(skopeo, 'by-skopeo')]);
      for (const outcome of outcomes) expect(outcome).toMatchObject(SUCCESS);
      const { given } = service.passwords;
      const used = new Set(origin.received.flatMap(({ headers }) => headers.authorization ?? []));
      expect([failed(), refused, service.wrong]).toEqual([[], [], []]);
      // The first one has ended since, and each is of use for 5 s.
      expect((given[0]?.until ?? 0) < Date.now()).toBe(true);
      expect(used).toEqual(new Set(given.map(({ authorization }) => authorization)));
      expect(given.length).toBeGreaterThanOrEqual(2);
      expect(given.length).toBeLessThanOrEqual(1 + (Date.now() - since) / 5_000);
    });

    test.for([crane, skopeo])('is renewed where it is revoked before $name sends a body', async (client) => {
      const { service, refused, push, failed } = await startSide(account, 3_600_000, revokeAt('POST'));
      expect(await push(client, 'revoked')).toMatchObject(SUCCESS);
      expect([failed(), service.passwords.given.length]).toEqual([[], 2]);
      expect(refused).toContain('POST /v2/team/revoked/blobs/uploads/');
    });

    test('is renewed where it is revoked before a body: crane sends it again by itself', async () => {
      const { service, push, failed } = await startSide(account, 3_600_000, revokeAt('PATCH'));
      expect(await push(crane, 'revoked')).toMatchObject(SUCCESS);
      expect(new Set(failed().map(({ status, headers }) => `${status} ${headers['retry-after']}`))).toEqual(
        new Set(['503 1']),
      );
      expect(service.passwords.given.length).toBe(2);
    });

    test('is renewed where it is revoked before a body: skopeo ends, and its next push succeeds', async () => {
      const { service, push, failed } = await startSide(account, 3_600_000, revokeAt('PATCH'));
      const { code, output } = await push(skopeo, 'revoked');
      expect([code, output]).toEqual([1, expect.stringContaining('503 Service Unavailable')]);
      expect(failed().map(({ status }) => status)).toEqual([503]);
      expect(await push(skopeo, 'revoked')).toMatchObject(SUCCESS);
      expect(service.passwords.given.length).toBe(2);
    });
  });
});
