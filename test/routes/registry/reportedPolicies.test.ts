import { describe, expect, it } from 'vitest';
import { createEdge, type Edge } from '../../support/edge.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { newManifest, pushManifest } from '../../support/pushManifest.ts';
import { putOf } from '../../support/uploading.ts';

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
});
