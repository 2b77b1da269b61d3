import { beforeAll, expect, test } from 'vitest';
import { ACCOUNT_KINDS, type AccountKind, type AccountOrigin, startAccountOrigin } from './support/accountOrigins.ts';
import { type Edge, startEdges } from './support/edge.ts';
import { type EdgeUser, makeUser, variablesOf } from './support/edgeUsers.ts';
import { type Answer, request } from './support/http.ts';
import { makeBlob } from './support/image.ts';
import { startRedis } from './support/redis.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/app';
const BLOB = makeBlob('an upload of a user', 1_000);
const HALF = 500;

for (const kind of ACCOUNT_KINDS) {
  const title = `${kind.what}: uploads of users at two processes of the edge, A and B, with one store`;
  describeWith([kind.kind, 'redis-server'], title, () => uploads(kind));
}

function uploads(kind: AccountKind): void {
  let origin: AccountOrigin;
  let a: Edge;
  let b: Edge;
  let ann: EdgeUser;
  let ben: EdgeUser;
  beforeAll(async () => {
    origin = await startAccountOrigin(kind);
    const rights = { pull: ['team/*'], push: ['team/*'] };
    ann = await makeUser('ann', rights);
    ben = await makeUser('ben', rights);
    const variables = { ...origin.variables, ...variablesOf([ann, ben]), ALLOW_REPOSITORIES: 'team/*' };
    const options = { origin: origin.proxy.url, backend: 'redis', redis: await startRedis() } as const;
    [a, b] = (await startEdges(options, [variables, variables])) as [Edge, Edge];
  });

  /** Sends a request about an upload. @param at the path that the answer before named */
  const send = (edge: Edge, user: EdgeUser, method: string, at: string, body?: Buffer) =>
    request(method, `${edge.url}${at}`, {
      headers: { ...user.headers, 'content-length': String(body?.length ?? 0), ...(body && OCTETS) },
      ...(body && { body }),
    });
  const begin = async (edge: Edge, user: EdgeUser) =>
    pathOf(await send(edge, user, 'POST', `/v2/${NAME}/blobs/uploads/`));

  test('an upload begun at A goes on at B, and ends at A', async () => {
    const begun = await begin(a, ann);
    const patched = await send(b, ann, 'PATCH', begun, BLOB.bytes.subarray(0, HALF));
    expect(patched.status).toBe(202);
    const asked = await send(a, ann, 'GET', pathOf(patched));
    expect([asked.status, asked.headers.range]).toEqual([204, `0-${HALF - 1}`]);
    const more = await send(b, ann, 'PATCH', pathOf(asked), BLOB.bytes.subarray(HALF));
    const put = await send(a, ann, 'PUT', closing(pathOf(more)));
    expect([put.status, put.headers['docker-content-digest']]).toEqual([201, BLOB.digest]);
    const stored = await origin.ask('GET', `/v2/${NAME}/blobs/${BLOB.digest}`, `repository:${NAME}:pull`);
    expect(stored.body.equals(BLOB.bytes)).toBe(true);
  });

  test('nobody else goes on with it, asks for it or cancels it, at A or B, and the registry hears nothing', async () => {
    const at = pathOf(await send(a, ann, 'PATCH', await begin(a, ann), BLOB.bytes.subarray(0, HALF)));
    const before = origin.proxy.requests.length;
    for (const edge of [a, b]) {
      for (const [method, path, body] of [
        ['GET', at],
        ['HEAD', at],
        ['PATCH', at, BLOB.bytes.subarray(HALF)],
        ['PUT', closing(at), BLOB.bytes.subarray(HALF)],
        ['DELETE', at],
      ] as const) {
        const answer = await send(edge, ben, method, path, body);
        const code = method === 'HEAD' ? undefined : JSON.parse(String(answer.body)).errors[0].code;
        expect([method, answer.status, code]).toEqual([method, 404, code && 'BLOB_UPLOAD_UNKNOWN']);
      }
    }
    expect(origin.proxy.requests.slice(before)).toEqual([]);
    expect((await send(b, ann, 'PUT', closing(at), BLOB.bytes.subarray(HALF))).status).toBe(201);
  });

  test('a mark of one upload is of no use for another, nor is none', async () => {
    const [mine, others] = [await begin(a, ben), await begin(b, ann)];
    const markOf = (path: string) => new URL(path, 'http://edge').searchParams.get('edge-user') ?? '';
    expect(markOf(mine)).toMatch(/^[0-9a-f]{64}$/);
    for (const path of [others.replace(markOf(others), markOf(mine)), others.replace(/[?&]edge-user=\w+/, '')])
      expect((await send(a, ben, 'GET', path)).status).toBe(404);
    expect((await send(b, ben, 'GET', mine)).status).toBe(204);
  });

  test('who began an upload may cancel it', async () => {
    const at = await begin(a, ann);
    expect((await send(b, ann, 'DELETE', at)).status).toBe(204);
    expect((await send(a, ann, 'GET', at)).status).toBe(404);
  });
}

const OCTETS = { 'content-type': 'application/octet-stream' };

/** The path and query that an answer names, on the edge that gave it. */
function pathOf({ status, headers }: Answer): string {
  if (!headers.location?.startsWith('/')) throw new Error(`a ${status} with the Location ${headers.location}`);
  return headers.location;
}

function closing(path: string): string {
  return `${path}&digest=${BLOB.digest}`;
}
