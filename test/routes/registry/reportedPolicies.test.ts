import { describe, expect, it } from 'vitest';
import { createEdge, type Edge } from '../../support/edge.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { manifestRequest, newManifest, pushManifest, UNCHECKED, uniqueManifest } from '../../support/pushManifest.ts';
import { putOf } from '../../support/uploading.ts';
import { usersWith } from '../../support/users.ts';

const REPORT = { POLICY_MODE: 'report' };
const ACCOUNT = { ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'edge', ORIGIN_PASSWORD: 'password' };

/** Returns what the last request's line in the log tells of policies. */
function told({ log }: Edge) {
  const { denied, reported } = JSON.parse(log.findLast((line) => line.includes('"request"')) ?? '{}');
  return { denied, reported };
}

describe('a policy that is only reported', () => {
  it('is told, and changes no answer', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ ...REPORT, DENY_REPOSITORIES: blob.name, ALLOW_REPOSITORIES: 'another' });
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(200);
    expect(told(edge)).toEqual({ reported: 'DENY_REPOSITORIES' });
  });

  it('hides none that is enforced: an account is lent for nothing else than what is named', async () => {
    const blob = await pushBlob();
    const variables = { ...REPORT, ...ACCOUNT, CLIENT_AUTH: 'anonymous', ALLOW_REPOSITORIES: 'another' };
    const edge = createEdge({ ...variables, DENY_REPOSITORIES: blob.name });
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(403);
    expect(told(edge)).toEqual({ denied: 'ALLOW_REPOSITORIES' });
  });

  it('lets a tag move that would not', async () => {
    const old = await pushManifest({ tag: 'v1' });
    const moved = await newManifest({ name: old.name, tag: 'v1' });
    const edge = createEdge({ ...REPORT, IMMUTABLE_TAGS: 'v*' });
    expect((await edge.fetch(old.tagPath, putOf(moved))).status).toBe(201);
    expect(told(edge)).toEqual({ reported: 'IMMUTABLE_TAGS' });
  });

  it.each([
    ['fails', { status: 500 }],
    ['limits its requests', { status: 429 }],
    ['does not say where the tag leads', { status: 200 }],
    ['answers no HEAD', { status: 405 }],
  ])('refuses no manifest where the origin %s', async (_what, says) => {
    const manifest = await newManifest({ tag: 'v1' });
    const rule = { prefix: manifest.tagPath, method: 'HEAD', ...says };
    await rig.rule(rule);
    const put = async (more: Record<string, string>) => {
      const edge = createEdge({ ...more, IMMUTABLE_TAGS: 'v*' });
      return (await edge.fetch(manifest.tagPath, putOf(manifest))).status;
    };
    expect(await put({})).toBe(says.status >= 429 ? says.status : 502);
    expect(await put(REPORT)).toBe(201);
  });

  it.each([
    ['of more than 4 MiB', 5 * 1024 * 1024],
    ['of any size', 0],
  ])('refuses no manifest %s that passes as a stream, and tells that it moves the tag', async (_what, size) => {
    const old = await pushManifest({ tag: 'v1' });
    const moved = await newManifest({ name: old.name, tag: 'v1', bytes: uniqueManifest(size) });
    const edge = createEdge({ ...REPORT, ...UNCHECKED, IMMUTABLE_TAGS: 'v*' });
    expect((await edge.fetch(old.tagPath, putOf(moved))).status).toBe(201);
    expect(told(edge)).toEqual({ reported: 'IMMUTABLE_TAGS' });
    expect((await edge.fetch(old.tagPath, putOf(moved))).status).toBe(201);
    expect(told(edge)).toEqual({});
  });

  it('changes nothing of a mount that it would make an upload', async () => {
    const [blob, { name }] = [await pushBlob(), await pushBlob()];
    const edge = createEdge({ ...REPORT, DENY_REPOSITORIES: blob.name });
    const path = `/v2/${name}/blobs/uploads/?mount=${blob.digest}&from=${blob.name}&x=y`;
    expect((await edge.fetch(path, { method: 'POST' })).status).toBe(201);
    expect(told(edge)).toEqual({ reported: 'DENY_REPOSITORIES' });
    expect((await rig.requests(`/v2/${name}/blobs/uploads/`)).at(-1)?.path).toBe(path);
  });

  it('takes nothing out of the catalog of a user', async () => {
    const [open, closed] = [await pushBlob(), await pushBlob()];
    const { variables, logins } = await usersWith({ lister: { pull: [open.name, closed.name], catalog: true } });
    const edge = createEdge({ ...variables, ...REPORT, ALLOW_REPOSITORIES: open.name });
    const answer = await edge.fetch('/v2/_catalog', { headers: logins.lister });
    expect(await answer.json()).toEqual({ repositories: [open.name, closed.name].sort() });
    expect(told(edge)).toEqual({ reported: 'ALLOW_REPOSITORIES' });
  });

  it.each<[string, Record<string, string>]>([
    ['callers that may push', {}],
    ['callers that only pull', { CLIENT_AUTH: 'anonymous' }],
  ])('follows the move of a tag that never moves, and tells it once: %s', async (_who, variables) => {
    const old = await pushManifest({ tag: 'v1' });
    const edge = createEdge({ ...REPORT, ...variables, IMMUTABLE_TAGS: 'v*', TAG_TTL: '0' });
    const read = async () => (await edge.fetch(old.tagPath, manifestRequest('GET'))).text();
    expect([await read(), told(edge)]).toEqual([old.bytes, {}]);
    const moved = await pushManifest({ name: old.name, tag: 'v1' });
    expect([await read(), told(edge)]).toEqual([moved.bytes, { reported: 'IMMUTABLE_TAGS' }]);
    expect([await read(), told(edge)]).toEqual([moved.bytes, {}]);
  });
});
