import { artifact } from './contents.ts';
import { type Answer, request } from './http.ts';
import { makeBlob } from './image.ts';
import { putManifest } from './manifests.ts';
import type { RegistryKind } from './registry.ts';
import { finish, openUpload, patchRange, patchStreamed, putWhole } from './uploads.ts';

/** The client of an exchange, which writes to one repository. */
export interface Writer {
  readonly url: string;
  readonly name: string;
  /** Another repository, which has `BLOB`. */
  readonly other: string;
  /**
   * Records an answer.
   * @returns the URL of its Location; without one, that of the last answer that had one
   */
  note(answer: Answer): string;
}

/** Several requests, each of which depends on the answer to the one before. */
export interface Exchange {
  readonly what: string;
  /** The statuses that a registry answers, which prove that the exchange took the intended course. */
  statuses(kind: RegistryKind): readonly number[];
  run(writer: Writer): Promise<unknown>;
}

/** The blob that is uploaded and mounted. */
export const BLOB = makeBlob('exchange', 1_000);
const HALF = 500;
const ABSENT = makeBlob('absent', 10);
/** An artifact of that blob. */
export const CONTENT = artifact([BLOB]);
/** An artifact of a blob that nobody has. */
export const BROKEN = artifact([makeBlob('never uploaded', 10)]);

export const EXCHANGES: readonly Exchange[] = [
  {
    what: 'an upload in one PUT',
    statuses: () => [202, 201],
    async run({ url, name, note }) {
      const at = note(await openUpload(url, name));
      note(await putWhole(at, BLOB.digest, BLOB.bytes.length, BLOB.bytes));
    },
  },
  {
    what: 'an upload in one PATCH without a length',
    statuses: () => [202, 202, 201],
    async run({ url, name, note }) {
      const sent = note(await patchStreamed(note(await openUpload(url, name)), BLOB.bytes));
      note(await finish(sent, BLOB.digest));
    },
  },
  {
    what: 'an upload by PATCH and PUT with a Content-Range, and GETs and a HEAD of its session',
    statuses: () => [202, 204, 202, 204, 204, 201, 404],
    async run({ url, name, note }) {
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
    // 2.8.2 ignores the Content-Range.
    statuses: (kind) => (kind === 'registry' ? [202, 202, 416, 204] : [202, 202, 202, 204]),
    async run({ url, name, note }) {
      let at = note(await openUpload(url, name));
      at = note(await patchRange(at, 0, 100, BLOB.bytes.subarray(0, 100)));
      at = note(await patchRange(at, HALF, 100, BLOB.bytes.subarray(HALF, HALF + 100)));
      note(await request('GET', at));
    },
  },
  {
    what: 'an upload that is cancelled',
    statuses: () => [202, 202, 204, 404, 404],
    async run({ url, name, note }) {
      const at = note(await patchStreamed(note(await openUpload(url, name)), BLOB.bytes));
      note(await request('DELETE', at));
      note(await request('GET', at));
      note(await finish(at, BLOB.digest));
    },
  },
  {
    what: 'an upload whose bytes have another digest',
    statuses: () => [202, 400],
    async run({ url, name, note }) {
      const at = note(await openUpload(url, name));
      note(await putWhole(at, ABSENT.digest, BLOB.bytes.length, BLOB.bytes));
    },
  },
  {
    what: 'a monolithic POST, to which both registries answer with a session',
    statuses: () => [202, 201],
    async run({ url, name, note }) {
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(BLOB.bytes.length) };
      const path = `/v2/${name}/blobs/uploads/?digest=${BLOB.digest}`;
      const at = note(await request('POST', url + path, { headers, body: BLOB.bytes }));
      note(await putWhole(at, BLOB.digest, BLOB.bytes.length, BLOB.bytes));
    },
  },
  {
    what: 'a mount',
    statuses: () => [201],
    run: async ({ url, name, other, note }) => note(await openUpload(url, name, { mount: BLOB.digest, from: other })),
  },
  {
    what: 'a mount of an absent blob, which becomes a session',
    statuses: () => [202, 201],
    async run({ url, name, other, note }) {
      const at = note(await openUpload(url, name, { mount: ABSENT.digest, from: other }));
      note(await putWhole(at, ABSENT.digest, ABSENT.bytes.length, ABSENT.bytes));
    },
  },
  {
    what: 'a mount without a source repository, which becomes a session',
    statuses: () => [202, 201],
    async run({ url, name, note }) {
      const at = note(await openUpload(url, name, { mount: BLOB.digest }));
      note(await putWhole(at, BLOB.digest, BLOB.bytes.length, BLOB.bytes));
    },
  },
  {
    what: 'a manifest by tag, by digest and with tags in the query',
    statuses: () => [201, 201, 201, 201, 201],
    async run({ url, name, other, note }) {
      for (const { digest } of CONTENT.blobs) note(await openUpload(url, name, { mount: digest, from: other }));
      const { digest } = CONTENT.manifest;
      for (const reference of ['v1', digest, `${digest}?tag=v2&tag=v3`]) {
        note(await putManifest({ url, name, reference }, CONTENT));
      }
    },
  },
  {
    what: 'refused manifests: under another digest, and bytes that are no manifest',
    statuses: () => [400, 400],
    async run({ url, name, note }) {
      const { mediaType } = CONTENT;
      note(await putManifest({ url, name, reference: ABSENT.digest }, CONTENT));
      note(await putManifest({ url, name, reference: 'v4' }, { manifest: ABSENT, mediaType }));
    },
  },
  {
    what: 'deletes of a manifest and a blob, each twice',
    statuses: () => [202, 404, 202, 404],
    async run({ url, name, note }) {
      for (const path of [`manifests/${CONTENT.manifest.digest}`, `blobs/${BLOB.digest}`]) {
        for (const _ of ['once', 'twice']) note(await request('DELETE', `${url}/v2/${name}/${path}`));
      }
    },
  },
];
