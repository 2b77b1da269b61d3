import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { blobOf, type Pushed, pushBlob, rig } from '../../support/push.ts';
import { STORES } from '../../support/stores.ts';
import { methodsAbout, newBlob, openUpload, withLength } from '../../support/uploading.ts';

const MIB = 1_048_576;

async function patchIn(edge: Edge, session: string, bytes: string): Promise<void> {
  expect((await edge.fetch(session, { method: 'PATCH', body: bytes })).status).toBe(202);
}

/** Sends a PATCH with these bytes into a new session. @returns the session's path */
async function patch(edge: Edge, blob: Pushed, bytes = blob.bytes): Promise<string> {
  const session = await openUpload(edge, blob);
  await patchIn(edge, session, bytes);
  return session;
}

/** Ends an upload. @returns the methods by which the origin was asked for the blob, and what a HEAD of it says then */
async function finish(edge: Edge, session: string, blob: Pushed, lastPiece = '') {
  const query = `?digest=${blob.digest}`;
  const { answer, over } = edge.send(session + query, { method: 'PUT', ...withLength(lastPiece) });
  expect((await answer).status).toBe(201);
  await over;
  const asked = await methodsAbout(blob);
  await earnGrant(edge, blob);
  const response = await edge.fetch(blob.path, { method: 'HEAD' });
  return { asked, size: response.headers.get('content-length'), isHit: cacheStatusOf(response)?.includes('; hit') };
}

const confirmed = (bytes: string, asked: string[]) => ({ asked, size: String(bytes.length), isHit: true });

describe.each(STORES)('a blob whose bytes came in a PATCH, cache in $name', ({ variables }) => {
  it('is known without a question up to 1 MiB', async () => {
    const blob = await newBlob('x'.repeat(MIB));
    const edge = createEdge(variables);
    expect(await finish(edge, await patch(edge, blob), blob)).toEqual(confirmed(blob.bytes, []));
  });

  it('is asked for if another isolate ended the upload', async () => {
    const blob = await newBlob();
    const session = await patch(createEdge(variables), blob);
    expect(await finish(createEdge(variables), session, blob)).toEqual(confirmed(blob.bytes, ['HEAD']));
  });

  it('is asked for if the PUT brought one more piece', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    const session = await patch(edge, blob, blob.bytes.slice(0, 3));
    expect(await finish(edge, session, blob, blob.bytes.slice(3))).toEqual(confirmed(blob.bytes, ['HEAD']));
  });

  it('is asked for if there was another PATCH', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    const session = await patch(edge, blob, blob.bytes.slice(0, 3));
    await patchIn(edge, session, blob.bytes.slice(3));
    expect(await finish(edge, session, blob)).toEqual(confirmed(blob.bytes, ['HEAD']));
  });

  it('is asked for if the origin did not accept the PATCH', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    const session = await openUpload(edge, blob);
    await rig.rule({ prefix: session, method: 'PATCH', status: 400, times: 1 });
    expect((await edge.fetch(session, { method: 'PATCH', body: blob.bytes })).status).toBe(400);
    await patchIn(createEdge(variables), session, blob.bytes);
    expect(await finish(edge, session, blob)).toEqual(confirmed(blob.bytes, ['HEAD']));
  });

  it('is asked for if its size is known from another repository alone', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    const there = await blobOf(blob.bytes, (await pushBlob()).name);
    await finish(edge, await patch(edge, there), there);
    const session = await patch(edge, blob, blob.bytes.slice(0, 3));
    expect(await finish(edge, session, blob, blob.bytes.slice(3))).toEqual(confirmed(blob.bytes, ['HEAD']));
  });

  it('is asked for if it is named by another algorithm', async () => {
    const { name } = await newBlob();
    const blob = await blobOf('some bytes', name, 'sha512');
    const edge = createEdge(variables);
    expect(await finish(edge, await patch(edge, blob), blob)).toEqual(confirmed(blob.bytes, ['HEAD']));
  });
});
