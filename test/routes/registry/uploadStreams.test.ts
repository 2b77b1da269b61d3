import { describe, expect, inject, it } from 'vitest';
import { uniqueName } from '../../support/digests.ts';
import { createEdge, type Edge } from '../../support/edge.ts';
import { type Pushed, pushBlob, rig, sha256 } from '../../support/push.ts';
import { OCI_MANIFEST, UNCHECKED, uniqueManifest } from '../../support/pushManifest.ts';
import { byMount, byPatches, newBlob, openUpload, withLength, writeBacksOf } from '../../support/uploading.ts';

const MIB = 1_048_576;
type Headers = Record<string, string>;

/** A request with content, and the path at which the origin has the content afterwards. */
interface Sending {
  readonly method: string;
  readonly target: string;
  readonly headers?: Headers;
  readonly storedAt: string;
}

/** The kinds of requests that carry content. */
const SENDINGS: [what: string, sending: (edge: Edge, blob: Pushed) => Promise<Sending>][] = [
  [
    'PUT of a blob',
    async (edge, blob) => ({
      method: 'PUT',
      target: `${await openUpload(edge, blob)}?digest=${blob.digest}`,
      storedAt: blob.path,
    }),
  ],
  [
    'POST of a blob',
    async (_edge, { name, digest, path }) => ({
      method: 'POST',
      target: `/v2/${name}/blobs/uploads/?digest=${digest}`,
      storedAt: path,
    }),
  ],
  [
    'PUT of a manifest',
    async (_edge, { name, digest }) => {
      const path = `/v2/${name}/manifests/${digest}`;
      return { method: 'PUT', target: path, headers: { 'content-type': OCI_MANIFEST }, storedAt: path };
    },
  ],
];

/** Returns the headers of a request that has reached the origin. */
async function headersAtOrigin({ method, target }: Sending): Promise<Headers | undefined> {
  return (await rig.requests(target)).find((request) => request.method === method)?.headers;
}

/** Returns the content that the origin has at a path. */
async function textOf(path: string): Promise<string> {
  return new TextDecoder().decode(await (await fetch(inject('originUrl') + path)).arrayBuffer());
}

describe.each(SENDINGS)('a streamed %s', (_what, sendingOf) => {
  it.each([
    ['', 0],
    [', if it is too long to be copied', 5 * MIB],
  ])('arrives unchanged, with its length%s', async (_size, bytes) => {
    const blob = await newBlob(uniqueManifest(bytes));
    const edge = createEdge(UNCHECKED);
    const { length } = blob.bytes;
    const { readable, writable } = new FixedLengthStream(length);
    const sending = await sendingOf(edge, blob);
    await expectToArrive(edge, blob, sending, { readable, writable }, { 'content-length': String(length) });
    expect(await headersAtOrigin(sending)).toMatchObject({ 'content-length': String(length) });
    expect((await headersAtOrigin(sending))?.['transfer-encoding']).toBeUndefined();
  });

  it('arrives unchanged, without a length', async () => {
    const blob = await newBlob(uniqueManifest());
    const edge = createEdge(UNCHECKED);
    const sending = await sendingOf(edge, blob);
    await expectToArrive(edge, blob, sending, new IdentityTransformStream(), {});
    expect(await headersAtOrigin(sending)).toMatchObject({ 'transfer-encoding': 'chunked' });
    expect((await headersAtOrigin(sending))?.['content-length']).toBeUndefined();
  });

  it.each([
    ['with its length', 0],
    ['with its length, too long to be copied', 5 * MIB],
    ['without a length', undefined],
  ])('reaches the origin while the client still sends the rest: %s', async (_how, padding) => {
    const blob = await newBlob(uniqueManifest(padding));
    const edge = createEdge(UNCHECKED);
    const sending = await sendingOf(edge, blob);
    const bytes = new TextEncoder().encode(blob.bytes);
    const half = bytes.length >> 1;
    const prefix = sending.target.replace(/\?.*/, '');
    await rig.rule({ prefix, method: sending.method, status: 413, afterBytes: half });
    const { readable, writable } =
      padding === undefined ? new IdentityTransformStream() : new FixedLengthStream(bytes.length);
    const length: Headers = padding === undefined ? {} : { 'content-length': String(bytes.length) };
    const { answer } = edge.send(sending.target, initOf(sending, readable, length));
    const writer = writable.getWriter();
    writer.write(bytes.slice(0, half)).catch(() => undefined);
    expect((await answer).status).toBe(413);
    await writer.abort().catch(() => undefined);
  });

  it('stores nothing if it breaks off', async () => {
    const blob = await newBlob(uniqueManifest());
    const edge = createEdge(UNCHECKED);
    const sending = await sendingOf(edge, blob);
    const { readable, writable } = new IdentityTransformStream();
    const { answer, over } = edge.send(sending.target, initOf(sending, readable, { 'content-length': '1000' }));
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode(blob.bytes));
    await expect.poll(() => headersAtOrigin(sending)).toBeDefined();
    await writer.abort(new Error('the client has left')).catch(() => undefined);
    expect((await answer).status).toBe(400);
    await over;
    expect(writeBacksOf(edge)).toEqual([]);
    expect((await fetch(inject('originUrl') + sending.storedAt)).status).toBe(404);
  });
});

const initOf = ({ method, headers }: Sending, body: ReadableStream, more: Headers) => ({
  method,
  body,
  headers: { ...headers, ...more },
});

/** Sends a body in two pieces, and expects the origin to have the same bytes in the end. */
async function expectToArrive(
  edge: Edge,
  { bytes }: Pushed,
  sending: Sending,
  { readable, writable }: { readable: ReadableStream; writable: WritableStream },
  length: Headers,
): Promise<void> {
  const { answer, over } = edge.send(sending.target, initOf(sending, readable, length));
  const writer = writable.getWriter();
  const encoded = new TextEncoder().encode(bytes);
  const half = encoded.length >> 1;
  await writer.write(encoded.slice(0, half));
  await expect.poll(() => headersAtOrigin(sending)).toBeDefined();
  await writer.write(encoded.slice(half));
  await writer.close();
  expect((await answer).status).toBe(201);
  await over;
  expect(await textOf(sending.storedAt)).toBe(bytes);
}

describe('a streamed PATCH', () => {
  it.each<[string, () => TransformStream<Uint8Array, Uint8Array>, Headers]>([
    ['with its length', () => new FixedLengthStream(9), { 'content-length': '9' }],
    ['without a length', () => new IdentityTransformStream(), { 'transfer-encoding': 'chunked' }],
  ])('arrives unchanged, %s', async (_how, stream, expected) => {
    const blob = await newBlob('a layer, in two pieces');
    const edge = createEdge();
    const target = await openUpload(edge, blob);
    const sending = { method: 'PATCH', target, storedAt: target };
    const { readable, writable } = stream();
    const length: Headers = 'content-length' in expected ? { 'content-length': '9' } : {};
    const range = { ...length, 'content-range': '0-8', 'content-type': 'application/octet-stream' };
    const { answer } = edge.send(target, initOf(sending, readable, range));
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode('a '));
    await expect.poll(() => headersAtOrigin(sending)).toMatchObject({ ...expected, ...range });
    await writer.write(new TextEncoder().encode('layer, '));
    await writer.close();
    const patched = await answer;
    expect([patched.status, patched.headers.get('range')]).toEqual([202, '0-8']);
    await edge.fetch(`${target}?digest=${blob.digest}`, { method: 'PUT', ...withLength('in two pieces') });
    expect(await textOf(blob.path)).toBe(blob.bytes);
  });
});

describe('a PATCH', () => {
  it('reaches the origin while the client still sends the rest', async () => {
    const blob = await newBlob();
    const edge = createEdge();
    const target = await openUpload(edge, blob);
    await rig.rule({ prefix: target, method: 'PATCH', status: 413, afterBytes: 2 });
    const { readable, writable } = new IdentityTransformStream();
    const { answer } = edge.send(target, { method: 'PATCH', body: readable });
    const writer = writable.getWriter();
    writer.write(new TextEncoder().encode('a ')).catch(() => undefined);
    expect((await answer).status).toBe(413);
    await writer.abort().catch(() => undefined);
  });

  it.each([
    ['while it is hashed', 1_000],
    ['when it is too large to be hashed', 2 * MIB],
  ])('without a length, if it breaks off %s, is never ended at the origin', async (_when, length) => {
    const blob = await newBlob('x'.repeat(length));
    const edge = createEdge();
    const target = await openUpload(edge, blob);
    const { readable, writable } = new IdentityTransformStream();
    const { answer, over } = edge.send(target, { method: 'PATCH', body: readable });
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode(blob.bytes));
    await writer.abort(new Error('the client has left')).catch(() => undefined);
    expect((await answer).status).toBe(400);
    await over;
    // The origin would have the blob if the PATCH had been ended.
    const ended = await edge.fetch(`${target}?digest=${blob.digest}`, { method: 'PUT', ...withLength('') });
    expect(ended.status).not.toBe(201);
    expect((await fetch(inject('originUrl') + blob.path)).status).toBe(404);
  });
});

describe('UPLOAD_ORIGIN', () => {
  const origin = inject('originUrl');

  it.each([
    ['edge', ''],
    ['direct', origin],
  ])('%s: the Location of an opened upload begins with "%s"', async (setting, base) => {
    const { name } = await newBlob();
    const path = `/v2/${name}/blobs/uploads/`;
    const session = `${path}some-id?_state=a%2Fb==`;
    const edge = createEdge({ UPLOAD_ORIGIN: setting });
    for (const location of [session, origin + session, 'some-id?_state=a%2Fb==']) {
      await rig.rule({ prefix: path, method: 'POST', status: 202, headers: { location }, times: 1 });
      const opened = await edge.fetch(path, { method: 'POST' });
      expect([location, opened.status, opened.headers.get('location')]).toEqual([location, 202, base + session]);
    }
  });

  it('direct: everything else stays on the edge', async () => {
    const blob = await newBlob();
    const edge = createEdge({ UPLOAD_ORIGIN: 'direct' });
    const locationOf = async (response: Promise<Response>) => (await response).headers.get('location');
    const open = async () => {
      const opened = await edge.fetch(`/v2/${blob.name}/blobs/uploads/`, { method: 'POST' });
      return (opened.headers.get('location') ?? '').replace(origin, '');
    };
    const session = await open();
    for (const method of ['PATCH', 'GET']) {
      const init = method === 'PATCH' ? { method, ...withLength(blob.bytes) } : { method };
      expect(await locationOf(edge.fetch(session, init))).toBe(session);
    }
    const put = edge.fetch(`${session}?digest=${blob.digest}`, { method: 'PUT', ...withLength('') });
    expect(await locationOf(put)).toBe(blob.path);
    const mounted = await newBlob();
    expect(await locationOf((await byMount(edge, mounted)).answer)).toBe(mounted.path);
    const manifest = uniqueManifest();
    const path = `/v2/${blob.name}/manifests/`;
    const pushed = edge.fetch(`${path}latest`, { method: 'PUT', ...withLength(manifest) });
    expect(await locationOf(pushed)).toBe(`${path}${await sha256(manifest)}`);
  });

  it('direct: a mount that is answered 202 has opened an upload', async () => {
    const { name, digest } = await newBlob();
    const edge = createEdge({ UPLOAD_ORIGIN: 'direct' });
    const query = `?mount=${digest}&from=${encodeURIComponent(uniqueName())}`;
    const opened = await edge.fetch(`/v2/${name}/blobs/uploads/${query}`, { method: 'POST' });
    expect(opened.status).toBe(202);
    expect(opened.headers.get('location')).toMatch(new RegExp(`^${origin}/v2/${name}/blobs/uploads/.`));
  });

  it('direct: the edge serves a blob whose upload went on at the origin', async () => {
    const blob = await newBlob();
    const edge = createEdge({ UPLOAD_ORIGIN: 'direct' });
    const opened = await edge.fetch(`/v2/${blob.name}/blobs/uploads/`, { method: 'POST' });
    const location = `${opened.headers.get('location')}?digest=${blob.digest}`;
    expect((await fetch(location, { method: 'PUT', body: blob.bytes })).status).toBe(201);
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(200);
  });

  it('edge: no answer to an upload or a mount shows the origin’s address', async () => {
    const [blob, there] = [await newBlob(), await pushBlob()];
    const edge = createEdge();
    for (const upload of [byPatches, byMount]) {
      const { answer } = await upload(edge, upload === byMount ? { ...there, name: blob.name } : blob);
      expect(JSON.stringify([...(await answer).headers])).not.toContain(new URL(origin).host);
    }
  });
});
