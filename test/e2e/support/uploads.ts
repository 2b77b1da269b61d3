import type { Readable } from 'node:stream';
import { type Answer, request } from './http.ts';

/** The steps of an upload, each as clients take it: on at the Location that the step before gave. */

const EMPTY = { 'content-length': '0' };
const BYTES = { 'content-type': 'application/octet-stream' };

/** What a piece of an upload is read from. */
export type Source = Buffer | Readable;

/**
 * Opens a session.
 * @param query what is asked for beside it, as a mount
 */
export function openUpload(url: string, name: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const search = new URLSearchParams(query).toString();
  return request('POST', `${url}/v2/${name}/blobs/uploads/${search && `?${search}`}`, { headers: EMPTY });
}

/** PATCH with no length, in the chunks of the transfer encoding. */
export function patchStreamed(location: string, body: Source): Promise<Answer> {
  return request('PATCH', location, { headers: { ...BYTES, 'transfer-encoding': 'chunked' }, body });
}

/** PATCH of some of the bytes. */
export function patchRange(location: string, from: number, size: number, body: Source): Promise<Answer> {
  const range = `${from}-${from + size - 1}`;
  return request('PATCH', location, {
    headers: { ...BYTES, 'content-range': range, 'content-length': String(size) },
    body,
  });
}

/** PUT of all the bytes. */
export function putWhole(location: string, digest: string, size: number, body: Source): Promise<Answer> {
  return request('PUT', closing(location, digest), { headers: { ...BYTES, 'content-length': String(size) }, body });
}

/** PUT of nothing more. */
export function finish(location: string, digest: string): Promise<Answer> {
  return request('PUT', closing(location, digest), { headers: EMPTY });
}

/**
 * Where an answer sends a client on.
 * @param url of the registry that was asked
 * @throws Error it names another host, to which a client might send no credentials, or nothing at all
 */
export function onward({ status, headers }: Answer, url: string): string {
  const { location } = headers;
  if (!location) throw new Error(`${status} without a Location`);
  const target = new URL(location, url);
  if (target.origin !== new URL(url).origin) throw new Error(`the Location ${location} leads away from ${url}`);
  return target.href;
}

/** Throws where a registry does not answer as it should. */
export function expectStatus(answer: Answer, ...wanted: readonly number[]): Answer {
  if (wanted.includes(answer.status)) return answer;
  throw new Error(`${answer.status} instead of ${wanted.join(' or ')}: ${answer.body}`);
}

function closing(location: string, digest: string): string {
  const target = new URL(location);
  target.searchParams.set('digest', digest);
  return target.href;
}
