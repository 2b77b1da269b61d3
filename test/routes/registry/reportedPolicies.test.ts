import { describe, expect, it } from 'vitest';
import { createEdge, type Edge } from '../../support/edge.ts';
import { pushBlob } from '../../support/push.ts';

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
});
