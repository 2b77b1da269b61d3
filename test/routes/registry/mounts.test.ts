import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { STORES } from '../../support/stores.ts';
import { methodsAbout, mountFrom, newBlob, writeBacksOf } from '../../support/uploading.ts';

const ALICE = { authorization: 'Basic YWxpY2U6eA==' };
const BOB = { authorization: 'Basic Ym9iOng=' };

/** Pushes a blob to one repository. @returns it, and the same blob in another repository, which does not have it */
async function blobToMount(): Promise<{ from: Pushed; to: Pushed }> {
  const from = await pushBlob(crypto.randomUUID());
  const { name } = await newBlob();
  return { from, to: { ...from, name, path: `/v2/${name}/blobs/${from.digest}` } };
}

/** Sends a HEAD of the blob. @returns its status, size and Cache-Status */
async function head(edge: Edge, { path }: Pushed, headers: Record<string, string>) {
  const response = await edge.fetch(path, { method: 'HEAD', headers });
  return [response.status, response.headers.get('content-length'), cacheStatusOf(response)];
}

/** Lists the stores that were read so far. */
const looksOf = ({ log }: Edge) => log.filter((line) => JSON.parse(line).kind === 'stat').length;

describe.each(STORES)('a mount, cache in $name', ({ name: store, variables }) => {
  const createLoggingEdge = () => createEdge({ ...variables, LOG_LEVEL: 'debug', MEMORY_TTL: '0' });

  it.each([
    ['within the window', 0],
    ['long ago', 3_600_000],
  ])('from where the caller was told of the blob %s: it is stored before the reply', async (_when, ageMs) => {
    const { from, to } = await blobToMount();
    const edge = createLoggingEdge();
    await edge.send(from.path, { method: 'HEAD', headers: ALICE }).over;
    edge.clock.advance(ageMs);
    await earnGrant(edge, from, ALICE);
    await earnGrant(edge, to, ALICE);
    expect((await mountFrom(edge, from, to, ALICE).answer).status).toBe(201);
    const hit = [200, String(to.bytes.length), `registry-edge; hit; detail=${store}`];
    expect(await head(edge, to, ALICE)).toEqual(hit);
    expect(await methodsAbout(to)).toEqual([]);
  });

  it('by a caller that has proved nothing there: nothing is looked up, and nothing asked', async () => {
    const { from, to } = await blobToMount();
    const edge = createLoggingEdge();
    await edge.send(from.path, { method: 'HEAD', headers: ALICE }).over;
    const { answer, over } = mountFrom(edge, from, to, BOB);
    const before = looksOf(edge);
    expect((await answer).status).toBe(201);
    await over;
    expect([looksOf(edge) - before, await methodsAbout(to)]).toEqual([0, []]);
    expect(await head(edge, to, BOB)).toEqual([200, String(to.bytes.length), expect.stringContaining('fwd=miss')]);
  });

  it('of a blob of which nothing is stored there: the origin is asked after the reply', async () => {
    const { from, to } = await blobToMount();
    const edge = createLoggingEdge();
    await earnGrant(edge, from, ALICE);
    await rig.rule({ prefix: to.path, method: 'HEAD', holdAs: to.digest, times: 1 });
    const { answer, over } = mountFrom(edge, from, to, ALICE);
    expect((await answer).status).toBe(201);
    await rig.release(to.digest);
    await over;
    expect([await methodsAbout(to), writeBacksOf(edge)]).toEqual([['HEAD'], ['begun', 'done']]);
  });

  it('of a blob that was deleted there meanwhile: the origin is asked', async () => {
    const { from, to } = await blobToMount();
    const edge = createLoggingEdge();
    await edge.send(from.path, { method: 'HEAD', headers: ALICE }).over;
    expect((await edge.fetch(from.path, { method: 'DELETE', headers: ALICE })).status).toBe(202);
    await pushBlob(from.bytes, from.name);
    await mountFrom(edge, from, to, ALICE).over;
    expect(await methodsAbout(to)).toEqual(['HEAD']);
  });

  it.each<[string, (from: Pushed) => string]>([
    ['no repository', () => ''],
    ['an invalid one', () => '&from=UPPER'],
    ['two', ({ name }) => `&from=${name}&from=${name}`],
  ])('from %s: nothing is looked up, and nothing asked', async (_what, fromOf) => {
    const { from, to } = await blobToMount();
    await pushBlob(from.bytes, to.name);
    const edge = createLoggingEdge();
    await edge.send(from.path, { method: 'HEAD', headers: ALICE }).over;
    const path = `/v2/${to.name}/blobs/uploads/`;
    await rig.rule({ prefix: path, status: 201, headers: { location: to.path }, times: 1 });
    const query = `?mount=${to.digest}${fromOf(from)}`;
    await edge.send(path + query, { method: 'POST', headers: { 'content-length': '0', ...ALICE } }).over;
    expect([await methodsAbout(to), writeBacksOf(edge)]).toEqual([[], ['begun', 'done']]);
  });
});
