import { artifact } from './contents.ts';
import { type Answer, request } from './http.ts';
import { type Blob, makeBlob } from './image.ts';
import type { RegistryKind } from './registry.ts';
import { finish, openUpload, patchRange, patchStreamed, putWhole } from './uploads.ts';

/** One who writes to a repository. */
export interface Talker {
  readonly url: string;
  readonly name: string;
  /** A repository that has `BLOB`. */
  readonly other: string;
  /**
   * Takes an answer down.
   * @returns where it sends on; where it tells nothing, the address that the answer before told
   */
  note(answer: Answer): string;
}

/** Requests of which each follows from the answer before. */
export interface Talk {
  readonly what: string;
  /** What the registries answer, so that the talk is the one that is meant. */
  statuses(kind: RegistryKind): readonly number[];
  talk(with_: Talker): Promise<unknown>;
}

/** What is talked about. */
export const BLOB = makeBlob('talk', 1_000);
const HALF = 500;
const ABSENT = makeBlob('absent', 10);
/** A manifest of it. */
export const CONTENT = artifact([BLOB]);
const BROKEN = artifact([makeBlob('never uploaded', 10)]);

export const TALKS: readonly Talk[] = [
  {
    what: 'an upload in one PUT',
    statuses: () => [202, 201],
    async talk({ url, name, note }) {
      const at = note(await openUpload(url, name));
      note(await putWhole(at, BLOB.digest, BLOB.bytes.length, BLOB.bytes));
    },
  },
  {
    what: 'an upload in one PATCH without a length',
    statuses: () => [202, 202, 201],
    async talk({ url, name, note }) {
      const sent = note(await patchStreamed(note(await openUpload(url, name)), BLOB.bytes));
      note(await finish(sent, BLOB.digest));
    },
  },
  {
    what: 'an upload in PATCHes with a Content-Range, asked after by GET and HEAD, its end in the PUT',
    statuses: () => [202, 204, 202, 204, 204, 201, 404],
    async talk({ url, name, note }) {
      let at = note(await openUpload(url, name));
      at = note(await request('GET', at));
      at = note(await patchRange(at, 0, HALF, BLOB.bytes.subarray(0, HALF)));
      at = note(await request('GET', at));
      at = note(await request('HEAD', at));
      note(await putWhole(at, BLOB.digest, BLOB.bytes.length - HALF, BLOB.bytes.subarray(HALF)));
      note(await request('GET', at));
    },
  },
  {
    what: 'a PATCH out of order',
    // 2.8.2 looks at no Content-Range.
    statuses: (kind) => (kind === 'registry' ? [202, 202, 416, 204] : [202, 202, 202, 204]),
    async talk({ url, name, note }) {
      let at = note(await openUpload(url, name));
      at = note(await patchRange(at, 0, 100, BLOB.bytes.subarray(0, 100)));
      at = note(await patchRange(at, HALF, 100, BLOB.bytes.subarray(HALF, HALF + 100)));
      note(await request('GET', at));
    },
  },
  {
    what: 'an upload that is given up',
    statuses: () => [202, 202, 204, 404, 404],
    async talk({ url, name, note }) {
      const at = note(await patchStreamed(note(await openUpload(url, name)), BLOB.bytes));
      note(await request('DELETE', at));
      note(await request('GET', at));
      note(await finish(at, BLOB.digest));
    },
  },
  {
    what: 'an upload of other bytes than its digest says',
    statuses: () => [202, 400],
    async talk({ url, name, note }) {
      const at = note(await openUpload(url, name));
      note(await putWhole(at, ABSENT.digest, BLOB.bytes.length, BLOB.bytes));
    },
  },
  {
    what: 'an upload in the POST, which becomes a session',
    statuses: () => [202, 201],
    async talk({ url, name, note }) {
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(BLOB.bytes.length) };
      const path = `/v2/${name}/blobs/uploads/?digest=${BLOB.digest}`;
      const at = note(await request('POST', url + path, { headers, body: BLOB.bytes }));
      note(await putWhole(at, BLOB.digest, BLOB.bytes.length, BLOB.bytes));
    },
  },
  {
    what: 'a mount',
    statuses: () => [201],
    talk: async ({ url, name, other, note }) => note(await openUpload(url, name, { mount: BLOB.digest, from: other })),
  },
  {
    what: 'a mount of what is not there, which becomes a session',
    statuses: () => [202, 201],
    async talk({ url, name, other, note }) {
      const at = note(await openUpload(url, name, { mount: ABSENT.digest, from: other }));
      note(await putWhole(at, ABSENT.digest, ABSENT.bytes.length, ABSENT.bytes));
    },
  },
  {
    what: 'a mount from anywhere, which becomes a session',
    statuses: () => [202, 201],
    async talk({ url, name, note }) {
      const at = note(await openUpload(url, name, { mount: BLOB.digest }));
      note(await putWhole(at, BLOB.digest, BLOB.bytes.length, BLOB.bytes));
    },
  },
  {
    what: 'a manifest by tag, by digest and with tags in the query',
    statuses: () => [201, 201, 201, 201, 201],
    async talk({ url, name, other, note }) {
      for (const { digest } of CONTENT.blobs) note(await openUpload(url, name, { mount: digest, from: other }));
      const { digest } = CONTENT.manifest;
      for (const reference of ['v1', digest, `${digest}?tag=v2&tag=v3`]) {
        note(await putManifest({ url, name }, reference, CONTENT.manifest));
      }
    },
  },
  {
    what: 'manifests that are refused: of absent blobs, under another digest, none at all',
    statuses: () => [400, 400, 400],
    async talk({ url, name, note }) {
      note(await putManifest({ url, name }, 'v4', BROKEN.manifest));
      note(await putManifest({ url, name }, ABSENT.digest, CONTENT.manifest));
      note(await putManifest({ url, name }, 'v4', ABSENT));
    },
  },
  {
    what: 'deletes of a manifest and a blob, each twice',
    statuses: () => [202, 404, 202, 404],
    async talk({ url, name, note }) {
      for (const path of [`manifests/${CONTENT.manifest.digest}`, `blobs/${BLOB.digest}`]) {
        for (const _ of ['once', 'twice']) note(await request('DELETE', `${url}/v2/${name}/${path}`));
      }
    },
  },
];

function putManifest(
  { url, name }: { url: string; name: string },
  reference: string,
  { bytes }: Blob,
): Promise<Answer> {
  const headers = { 'content-type': CONTENT.mediaType, 'content-length': String(bytes.length) };
  return request('PUT', `${url}/v2/${name}/manifests/${reference}`, { headers, body: bytes });
}
