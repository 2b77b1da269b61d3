import { beforeAll, expect, test } from 'vitest';
import { isStored } from './support/blobs.ts';
import { SUCCESS } from './support/command.ts';
import { OCI } from './support/contents.ts';
import { DIRECT_PUSHERS, type DirectPusher } from './support/directPushers.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, head, request } from './support/http.ts';
import { type Blob, type Image, makeBlob, makeImage } from './support/image.ts';
import { loginAt } from './support/login.ts';
import { type Registry, type RegistryKind, startRegistry, USER_HEADERS } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

/** Each registry, and each way in which its host may differ from the edge's: in the port alone, or also in the name. */
const SETUPS: readonly { kind: RegistryKind; originHost: string; guarded: boolean }[] = [
  { kind: 'docker-registry', originHost: '127.0.0.1', guarded: false },
  { kind: 'registry', originHost: 'localhost', guarded: false },
  { kind: 'docker-registry', originHost: 'localhost', guarded: true },
  { kind: 'registry', originHost: '127.0.0.1', guarded: true },
];

type Headers = Record<string, string>;

/** Ends an upload with a PUT, by default of all bytes. */
function put(location: string, { digest, bytes }: Blob, headers: Headers, body = bytes): Promise<Answer> {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  return request('PUT', url.href, { headers: { ...headers, 'content-length': String(body.length) }, body });
}

/** The ways in which docker and containerd upload. */
const WAYS: readonly { what: string; send(location: string, blob: Blob, headers: Headers): Promise<Answer> }[] = [
  {
    what: 'a PATCH of all bytes, then an empty PUT',
    async send(location, blob, headers) {
      const sent = { ...headers, 'content-length': String(blob.bytes.length) };
      const patched = await request('PATCH', location, { headers: sent, body: blob.bytes });
      if (patched.status !== 202) return patched;
      return put(patched.headers.location ?? '', blob, headers, Buffer.alloc(0));
    },
  },
  { what: 'one PUT', send: put },
];

for (const { kind, originHost, guarded } of SETUPS) {
  const title = `${kind} at ${originHost}, ${guarded ? 'with a login' : 'without a login'}`;
  describeWith([kind, ...DIRECT_PUSHERS.map(({ name }) => name)], `UPLOAD_ORIGIN=direct: ${title}`, () => {
    let origin: Registry;
    let edge: Edge;
    const user = guarded ? USER_HEADERS : {};
    beforeAll(async () => {
      origin = await startRegistry({ kind, guarded });
      const url = origin.url.replace('127.0.0.1', originHost);
      edge = await startEdge({ origin: url, backend: 'durable', variables: { UPLOAD_ORIGIN: 'direct' } });
    });

    /** Status and method of each upload request in the edge's log, of one repository or of all. */
    function uploadsInLog(name = '\\S+'): string[] {
      const line = new RegExp(`^(\\d+ \\w+) +/v2/${name}/blobs/uploads/`, 'gm');
      return [...edge.process.stdout().matchAll(line)].map(([, request = '']) => request);
    }

    /** Expects that the edge has seen nothing but the POST of an upload. */
    async function expectOnlyPost(name: string): Promise<void> {
      await until('the edge logs an upload', () => uploadsInLog(name).length > 0);
      expect(new Set(uploadsInLog(name))).toEqual(new Set(['202 POST']));
    }

    async function expectImage(name: string, { manifest, config, layers }: Image): Promise<void> {
      const { headers } = await head(`${origin.url}/v2/${name}/manifests/v1`, { ...user, accept: OCI.manifest });
      expect(headers['docker-content-digest']).toBe(manifest.digest);
      for (const { digest } of [config, ...layers]) expect(await isStored(origin, name, digest)).toBe(true);
    }

    async function expectNoManifest(name: string): Promise<void> {
      expect((await head(`${origin.url}/v2/${name}/manifests/v1`, { ...user, accept: OCI.manifest })).status).toBe(404);
    }

    /**
     * Pushes an image and expects the end that this client has.
     * @param name a repository that is still empty
     */
    async function expectEnd(
      { push, ends }: DirectPusher,
      name: string,
      login?: Record<string, string>,
    ): Promise<void> {
      const image = await makeImage(`${title} ${name}`);
      const outcome = await push(image, `${edge.host}/${name}:v1`, login);
      const { error } = guarded ? ends.guarded : ends.open;
      if (error) {
        expect(outcome).toMatchObject({ code: 1, output: expect.stringMatching(error) });
        await expectNoManifest(name);
      } else {
        expect(outcome).toMatchObject(SUCCESS);
        await expectImage(name, image);
      }
      await expectOnlyPost(name);
    }

    const cases = DIRECT_PUSHERS.map((pusher) => ({
      ...pusher,
      end: (guarded ? pusher.ends.guarded : pusher.ends.open).what,
    }));
    if (guarded) {
      test.for(cases)('$name, logged in at the edge: $end', async (pusher) => {
        await expectEnd(pusher, `team/${pusher.name}`, await loginAt(edge.host));
      });
      test.for(cases)('$name, logged in at the origin too: $end', async (pusher) => {
        await expectEnd(pusher, `both/${pusher.name}`, await loginAt(edge.host, originHostPort()));
      });
    } else {
      test.for(cases)('$name: $end', async (pusher) => {
        await expectEnd(pusher, `team/${pusher.name}`);
      });
    }

    test.for(WAYS)(
      '$what, to the Location that the edge returns: the origin stores the blob',
      async ({ what, send }) => {
        const [name, blob] = ['team/raw', makeBlob(`${title} ${what}`, 12_345)];
        const path = `/v2/${name}/blobs/${blob.digest}`;
        expect((await head(edge.url + path, user)).status).toBe(404);
        const opened = await post(edge.url, name);
        const location = opened.headers.location ?? '';
        expect([opened.status, new URL(location).host]).toEqual([202, originHostPort()]);
        // Without credentials, an origin that requires a login refuses.
        const anonymous = await send(location, blob, {});
        expect(anonymous.status).toBe(guarded ? 401 : 201);
        if (guarded) expect((await send(location, blob, user)).status).toBe(201);
        expect(await isStored(origin, name, blob.digest)).toBe(true);
        // The edge did not see the upload, so it asks the origin.
        expect((await head(edge.url + path, user)).status).toBe(200);
        await expectOnlyPost(name);
      },
    );

    test('a mount has a Location on the edge, since nothing is uploaded', async () => {
      const blob = makeBlob(`${title} mount`, 1_234);
      expect((await uploadTo(origin.url, 'team/from', blob)).status).toBe(201);
      const query = new URLSearchParams({ mount: blob.digest, from: 'team/from' });
      const { status, headers } = await post(edge.url, 'team/to', `?${query}`);
      expect([status, headers.location]).toEqual([201, `/v2/team/to/blobs/${blob.digest}`]);
    });

    test('no byte of a blob goes through the edge', async () => {
      // The mount was the last request.
      await until('the edge logs the mount', () => uploadsInLog('team/to').length > 0);
      expect(new Set(uploadsInLog())).toEqual(new Set(['202 POST', '201 POST']));
    });

    /** The origin's host and port, as the edge knows them. */
    function originHostPort(): string {
      return origin.host.replace('127.0.0.1', originHost);
    }

    /** Opens an upload session, or mounts. */
    function post(url: string, name: string, query = ''): Promise<Answer> {
      const headers = { ...user, 'content-length': '0' };
      return request('POST', `${url}/v2/${name}/blobs/uploads/${query}`, { headers });
    }

    async function uploadTo(url: string, name: string, blob: Blob): Promise<Answer> {
      const opened = await post(url, name);
      return put(opened.headers.location ?? '', blob, user);
    }
  });
}
