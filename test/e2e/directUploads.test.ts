import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { isStored } from './support/blobs.ts';
import { temporaryFolder } from './support/cleanup.ts';
import { type Outcome, runClient, SUCCESS } from './support/command.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, basic, head, request } from './support/http.ts';
import { type Blob, type Image, makeBlob, makeImage } from './support/image.ts';
import { type Registry, type RegistryKind, startRegistry, USER } from './support/registry.ts';
import { push as pushWithSkopeo } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const CREDS = `${USER.name}:${USER.password}`;
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Each registry, and each way in which its host may differ from the edge's: by the port alone, or by the name too. */
const SETUPS: readonly { kind: RegistryKind; originHost: string; guarded: boolean }[] = [
  { kind: 'docker-registry', originHost: '127.0.0.1', guarded: false },
  { kind: 'registry', originHost: 'localhost', guarded: false },
  { kind: 'docker-registry', originHost: 'localhost', guarded: true },
  { kind: 'registry', originHost: '127.0.0.1', guarded: true },
];

/** How a push ends: all of it at the origin, or with words of the client's. */
interface End {
  readonly what: string;
  readonly says?: RegExp;
}
const ARRIVES: End = { what: 'arrives' };

interface Pusher {
  readonly name: 'crane' | 'oras' | 'regctl' | 'skopeo';
  /** @param login what the client knows of its user, as environment */
  push(image: Image, edge: Edge, to: string, login?: Record<string, string>): Promise<Outcome>;
  /** Where nobody asks for a login, and where the origin does. A login at the origin's own host changes nothing. */
  readonly ends: { readonly open: End; readonly guarded: End };
}

const folderOf = ({ source }: Image) => source.replace(/^oci:(.*):latest$/, '$1');

const OTHER_HOST: End = {
  what: 'does not leave for another host',
  says: /blob upload Location "\S+" is on a different host than the registry "\S+"/,
};

const PUSHERS: readonly Pusher[] = [
  {
    name: 'crane',
    push: (image, _edge, to, login) => runClient('crane', ['push', '--insecure', folderOf(image), to], login),
    ends: {
      open: ARRIVES,
      guarded: {
        what: 'leaves its credentials behind, and the origin refuses',
        says: /^Error: PATCH http:\S+\/blobs\/uploads\/\S+: UNAUTHORIZED: authentication required/m,
      },
    },
  },
  {
    name: 'oras',
    push: (image, _edge, to, login) =>
      runClient('oras', ['cp', '--from-oci-layout', `${folderOf(image)}:latest`, '--to-plain-http', to], login),
    ends: { open: OTHER_HOST, guarded: OTHER_HOST },
  },
  {
    name: 'regctl',
    push: (image, { host }, to, login) =>
      runClient(
        'regctl',
        ['--host', `reg=${host},tls=disabled`, 'image', 'copy', `ocidir://${folderOf(image)}:latest`, to],
        login,
      ),
    ends: {
      open: ARRIVES,
      guarded: {
        what: 'leaves its credentials behind, and the origin refuses',
        says: /^failed to send blob \(chunk\), ref \S+: http status: unauthorized \[http 401\]/m,
      },
    },
  },
  {
    name: 'skopeo',
    push: (image, _edge, to, login) => pushWithSkopeo(image.source, to, login && CREDS),
    ends: { open: ARRIVES, guarded: ARRIVES },
  },
];

/** What clients know of their user who has logged in at these hosts. */
async function loginAt(...hosts: readonly string[]): Promise<Record<string, string>> {
  const folder = await temporaryFolder();
  const auth = Buffer.from(CREDS).toString('base64');
  const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths }));
  return { DOCKER_CONFIG: folder };
}

type Headers = Record<string, string>;

/** A PUT ends an upload. */
function put(location: string, { digest, bytes }: Blob, headers: Headers, body = bytes): Promise<Answer> {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  return request('PUT', url.href, { headers: { ...headers, 'content-length': String(body.length) }, body });
}

/** How docker and containerd upload. */
const WAYS: readonly { what: string; send(location: string, blob: Blob, headers: Headers): Promise<Answer> }[] = [
  {
    what: 'a PATCH of all, then an empty PUT',
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
  const title = `${kind} at ${originHost}, ${guarded ? 'with htpasswd' : 'open to all'}`;
  describeWith([kind, ...PUSHERS.map(({ name }) => name)], `UPLOAD_ORIGIN=direct: ${title}`, () => {
    let origin: Registry;
    let edge: Edge;
    const user = guarded ? basic(USER.name, USER.password) : {};
    beforeAll(async () => {
      origin = await startRegistry({ kind, guarded });
      const url = origin.url.replace('127.0.0.1', originHost);
      edge = await startEdge({ origin: url, backend: 'kv', variables: { UPLOAD_ORIGIN: 'direct' } });
    });

    /** What the edge told of uploads, without their sessions; in one repository, or in all. */
    function uploadsAtTheEdge(name = '\\S+'): string[] {
      const line = new RegExp(`^(\\d+ \\w+) +/v2/${name}/blobs/uploads/`, 'gm');
      return [...edge.process.stdout().matchAll(line)].map(([, request = '']) => request);
    }

    async function expectOpened(name: string): Promise<void> {
      await until('the edge tells of an upload', () => uploadsAtTheEdge(name).length > 0);
      expect(new Set(uploadsAtTheEdge(name))).toEqual(new Set(['202 POST']));
    }

    async function expectImage(name: string, { manifest, config, layers }: Image): Promise<void> {
      const { headers } = await head(`${origin.url}/v2/${name}/manifests/v1`, { ...user, accept: OCI_MANIFEST });
      expect(headers['docker-content-digest']).toBe(manifest.digest);
      for (const { digest } of [config, ...layers]) expect(await isStored(origin, name, digest)).toBe(true);
    }

    async function expectNothing(name: string): Promise<void> {
      expect((await head(`${origin.url}/v2/${name}/manifests/v1`, { ...user, accept: OCI_MANIFEST })).status).toBe(404);
    }

    /** @param name of a repository that has nothing yet */
    async function expectEnd({ push, ends }: Pusher, name: string, login?: Record<string, string>): Promise<void> {
      const image = await makeImage(`${title} ${name}`);
      const outcome = await push(image, edge, `${edge.host}/${name}:v1`, login);
      const { says } = guarded ? ends.guarded : ends.open;
      if (says) {
        expect(outcome).toMatchObject({ code: 1, output: expect.stringMatching(says) });
        await expectNothing(name);
      } else {
        expect(outcome).toMatchObject(SUCCESS);
        await expectImage(name, image);
      }
      await expectOpened(name);
    }

    const cases = PUSHERS.map((pusher) => ({
      ...pusher,
      end: (guarded ? pusher.ends.guarded : pusher.ends.open).what,
    }));
    if (guarded) {
      test.for(cases)('$name, logged in at the edge: $end', async (pusher) => {
        await expectEnd(pusher, `team/${pusher.name}`, await loginAt(edge.host));
      });
      test.for(cases)('$name, logged in at the origin too: $end', async (pusher) => {
        await expectEnd(pusher, `both/${pusher.name}`, await loginAt(edge.host, originAs()));
      });
    } else {
      test.for(cases)('$name: $end', async (pusher) => {
        await expectEnd(pusher, `team/${pusher.name}`);
      });
    }

    test.for(WAYS)('$what, to the Location that the edge gives', async ({ what, send }) => {
      const [name, blob] = ['team/raw', makeBlob(`${title} ${what}`, 12_345)];
      const path = `/v2/${name}/blobs/${blob.digest}`;
      expect((await head(edge.url + path, user)).status).toBe(404);
      const opened = await request('POST', `${edge.url}/v2/${name}/blobs/uploads/`, {
        headers: { ...user, 'content-length': '0' },
      });
      const location = opened.headers.location ?? '';
      expect([opened.status, new URL(location).host]).toEqual([202, originAs()]);
      // Who leaves the credentials behind is refused where there are any.
      const bare = await send(location, blob, {});
      expect(bare.status).toBe(guarded ? 401 : 201);
      if (guarded) expect((await send(location, blob, user)).status).toBe(201);
      expect(await isStored(origin, name, blob.digest)).toBe(true);
      // What the edge did not see, it asks for.
      expect((await head(edge.url + path, user)).status).toBe(200);
      await expectOpened(name);
    });

    test('a mount is no upload: its Location stays on the edge', async () => {
      const blob = makeBlob(`${title} mount`, 1_234);
      expect((await uploadTo(origin.url, 'team/from', blob)).status).toBe(201);
      const query = new URLSearchParams({ mount: blob.digest, from: 'team/from' });
      const { status, headers } = await request('POST', `${edge.url}/v2/team/to/blobs/uploads/?${query}`, {
        headers: { ...user, 'content-length': '0' },
      });
      expect([status, headers.location]).toEqual([201, `/v2/team/to/blobs/${blob.digest}`]);
    });

    test('no byte of any blob went through the edge', async () => {
      // The last of them.
      await until('the edge tells of the mount', () => uploadsAtTheEdge('team/to').length > 0);
      expect(new Set(uploadsAtTheEdge())).toEqual(new Set(['202 POST', '201 POST']));
    });

    function originAs(): string {
      return origin.host.replace('127.0.0.1', originHost);
    }

    async function uploadTo(url: string, name: string, blob: Blob): Promise<Answer> {
      const opened = await request('POST', `${url}/v2/${name}/blobs/uploads/`, {
        headers: { ...user, 'content-length': '0' },
      });
      return put(opened.headers.location ?? '', blob, user);
    }
  });
}
