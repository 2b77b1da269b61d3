import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge, textOf } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { pushBlob, rig } from '../support/push.ts';
import type { Rule } from '../support/rig.ts';
import { pushToStorage, STORAGE, someBucket } from '../support/storage.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const FOLLOW = { BLOB_REDIRECT: 'follow' };
const DECLARED = { ...FOLLOW, REDIRECT_HOSTS: 'localhost' };

/** Sends a GET of a blob. @returns its body */
async function get(edge: Edge, { path }: { path: string }, headers: Record<string, string> = {}): Promise<string> {
  return textOf(await edge.fetch(path, { headers: { ...ALICE, ...headers } }));
}

/** Whether the caller has a grant for the GET of blobs in a repository: a HEAD, which it may send, does not prove that. */
async function isGranted(edge: Edge, { name }: { name: string }): Promise<boolean> {
  const blob = await pushBlob(undefined, name);
  await edge.fetch(blob.path, { method: 'HEAD', headers: ALICE });
  const answer = await edge.fetch(blob.path, { headers: { ...ALICE, 'if-none-match': blob.digest } });
  return cacheStatusOf(answer)?.includes('; hit') ?? false;
}

describe('a GET of a blob that the edge follows to storage', () => {
  it('proves the GET if REDIRECT_HOSTS names the storage', async () => {
    const edge = createEdge(DECLARED);
    const blob = await pushToStorage();
    expect(await get(edge, blob)).toBe(blob.bytes);
    expect(await isGranted(edge, blob)).toBe(true);
    expect((await blob.questions()).filter((question) => question.startsWith('GET'))).toEqual([`GET ${blob.path}`]);
  });

  it('proves the GET of a range', async () => {
    const edge = createEdge(DECLARED);
    const headers = { 'content-range': 'bytes 0-0/108', 'content-length': '1' };
    const blob = await pushToStorage({ rule: { status: 206, headers, body: 'x' } });
    await get(edge, blob, { range: 'bytes=0-0' });
    expect(await isGranted(edge, blob)).toBe(true);
  });

  it('has the storage examined, which proves the GET and every later one', async () => {
    const edge = createEdge(FOLLOW);
    const at = someBucket();
    const blob = await pushToStorage({ at });
    await get(edge, blob);
    expect(await isGranted(edge, blob)).toBe(true);
    const another = await pushToStorage({ at, bytes: 'small' });
    expect(await get(edge, another)).toBe('small');
    expect(await isGranted(edge, another)).toBe(true);
  });

  it('has nothing examined for a caller with a grant', async () => {
    const edge = createEdge(FOLLOW);
    const blob = await pushToStorage();
    await earnGrant(edge, blob, ALICE);
    await get(edge, blob);
    expect(await blob.questions()).toEqual([`GET ${blob.path}`]);
  });

  it.each<[string, Record<string, string>, Partial<Rule>]>([
    ['where the client follows it', { REDIRECT_HOSTS: 'localhost' }, {}],
    ['to storage without a length', DECLARED, { headers: { 'transfer-encoding': 'chunked' } }],
    ['to encoded content', DECLARED, { headers: { 'content-length': '108', 'content-encoding': 'x' } }],
    ['to a cache on the way', DECLARED, { headers: { 'content-length': '108', age: '1' } }],
    ['to a range beyond the end', DECLARED, { status: 416, headers: { 'content-range': 'bytes */108' }, body: '' }],
    ['to a page', DECLARED, { headers: { 'content-type': 'text/html', 'content-length': '108' } }],
    ['to a refusal', DECLARED, { status: 403, body: '' }],
  ])('proves nothing %s', async (_what, variables, rule) => {
    const edge = createEdge(variables);
    const blob = await pushToStorage({ rule });
    await get(edge, blob);
    expect(await isGranted(edge, blob)).toBe(false);
  });

  it('proves nothing where the origin redirects to another registry', async () => {
    const edge = createEdge(DECLARED);
    const elsewhere = await pushBlob();
    const blob = await pushToStorage({ bytes: elsewhere.bytes });
    await rig.forget(blob.path);
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: STORAGE + elsewhere.path } });
    expect(await get(edge, blob)).toBe(elsewhere.bytes);
    expect(await isGranted(edge, blob)).toBe(false);
  });
});
