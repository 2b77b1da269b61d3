import type { Readable } from 'node:stream';
import { type Answer, request } from './http.ts';

/** The steps of an upload, each of which goes on at the Location that the step before returned. */

const EMPTY = { 'content-length': '0' };
const BYTES = { 'content-type': 'application/octet-stream' };

/** The bytes of a part of an upload. */
export type Source = Buffer | Readable;

/**
 * Opens an upload session.
 * @param query further parameters, such as a mount
 */
export function openUpload(url: string, name: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const search = new URLSearchParams(query).toString();
  return request('POST', `${url}/v2/${name}/blobs/uploads/${search && `?${search}`}`, { headers: EMPTY });
}

/** PATCH without a Content-Length, in chunks. */
export function patchStreamed(location: string, body: Source): Promise<Answer> {
  return request('PATCH', location, { headers: { ...BYTES, 'transfer-encoding': 'chunked' }, body });
}

/** PATCH of a part of the bytes, with its Content-Range. */
export function patchRange(location: string, from: number, size: number, body: Source): Promise<Answer> {
  const range = `${from}-${from + size - 1}`;
  return request('PATCH', location, {
    headers: { ...BYTES, 'content-range': range, 'content-length': String(size) },
    body,
  });
}

/** PUT of the remaining bytes, which ends the upload. */
export function putWhole(location: string, digest: string, size: number, body: Source): Promise<Answer> {
  return request('PUT', closingUrl(location, digest), { headers: { ...BYTES, 'content-length': String(size) }, body });
}

/** PUT without a body, which ends the upload. */
export function finish(location: string, digest: string): Promise<Answer> {
  return request('PUT', closingUrl(location, digest), { headers: EMPTY });
}

/**
 * Resolves an answer's Location.
 * @param url the registry that answered
 * @throws Error there is none, or it names another host, to which a client might send no credentials
 */
export function locationOf({ status, headers }: Answer, url: string): string {
  const { location } = headers;
  if (!location) throw new Error(`a ${status} without a Location`);
  const target = new URL(location, url);
  if (target.origin !== new URL(url).origin) throw new Error(`the Location ${location} leads away from ${url}`);
  return target.href;
}

/**
 * Returns the answer.
 * @throws Error its status is none of the expected ones
 */
export function expectStatus(answer: Answer, ...expected: readonly number[]): Answer {
  if (expected.includes(answer.status)) return answer;
  throw new Error(`${answer.status} instead of ${expected.join(' or ')}: ${answer.body}`);
}

function closingUrl(location: string, digest: string): string {
  const target = new URL(location);
  target.searchParams.set('digest', digest);
  return target.href;
}
