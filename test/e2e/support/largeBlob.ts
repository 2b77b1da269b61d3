import { createCipheriv, createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream, type ReadStream } from 'node:fs';
import { type IncomingMessage, request as open } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { temporaryFolder } from './cleanup.ts';
import { expectStatus, locationOf, openUpload, putWhole } from './uploads.ts';

/** A blob on disk, which is never in memory as a whole. */
export interface LargeBlob {
  readonly digest: string;
  readonly size: number;
  readonly path: string;
}

const PART_BYTES = 1024 * 1024;

/** Makes a file of pseudorandom bytes, which do not compress; equal seeds make equal files. */
export async function makeLargeBlob(seed: string, size: number): Promise<LargeBlob> {
  const path = join(await temporaryFolder(), 'blob');
  const hash = createHash('sha256');
  await pipeline(Readable.from(parts(seed, size, hash)), createWriteStream(path));
  return { digest: `sha256:${hash.digest('hex')}`, size, path };
}

function* parts(seed: string, size: number, hash: Hash): Generator<Buffer> {
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), Buffer.alloc(16));
  for (let remaining = size; remaining > 0; remaining -= PART_BYTES) {
    const part = cipher.update(Buffer.alloc(Math.min(remaining, PART_BYTES)));
    hash.update(part);
    yield part;
  }
}

/** Reads the bytes from `from` up to, but without, `end`; by default all. */
export function bytesOf({ path, size }: LargeBlob, from = 0, end = size): ReadStream {
  return createReadStream(path, { start: from, end: end - 1, highWaterMark: PART_BYTES });
}

/**
 * Uploads a blob from disk in one PUT.
 * @throws Error the registry refuses it
 */
export async function uploadLarge(url: string, name: string, blob: LargeBlob): Promise<void> {
  const opened = expectStatus(await openUpload(url, name), 202);
  expectStatus(await putWhole(locationOf(opened, url), blob.digest, blob.size, bytesOf(blob)), 201);
}

export interface Download {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: number;
}

/**
 * Downloads into a hash.
 * @param limit breaks the connection off after so many bytes
 */
export async function download(
  url: string,
  headers: Readonly<Record<string, string>>,
  hash: Hash,
  limit = Number.POSITIVE_INFINITY,
): Promise<Download> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  open(url, { headers: { ...headers } }, resolve)
    .on('error', reject)
    .end();
  const answer = await promise;
  let bytes = 0;
  // Ending the loop ends the connection.
  for await (const part of answer) {
    hash.update(part);
    bytes += part.length;
    if (bytes >= limit) break;
  }
  return { status: answer.statusCode ?? 0, headers: answer.headers, bytes };
}

/** The sha256 digest of a file of any size. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}
