import { algorithmOf } from '../oci/digest.ts';
import { digestFrom, hashName } from '../oci/hash.ts';
import { type NewBytes, WrongBytes } from './byteStore.ts';

/** What is used of an R2 bucket to store a blob in parts. */
export interface PartedBucket {
  createMultipartUpload(key: string): Promise<PartedUpload>;
}

interface PartedUpload {
  uploadPart(number: number, body: ReadableStream<Uint8Array>): Promise<UploadedPart>;
  complete(parts: UploadedPart[]): Promise<unknown>;
  abort(): Promise<void>;
}

/** What R2 wants to hear of each part again. */
interface UploadedPart {
  partNumber: number;
  etag: string;
}

interface PartedBytes extends NewBytes {
  /** How many bytes each part has, but for the last. */
  readonly partBytes: number;
}

/** How much is read at once. */
const PIECE_BYTES = 64 * 1024;

/**
 * Stores a blob that is too large for one put. The parts follow each other at the pace of R2, so none is held in
 * memory. R2 verifies no digest of an object that was made of parts, so the bytes are hashed on their way, and the
 * object comes into being only if they match.
 * @throws WrongBytes; Error R2 failed, or the body broke off
 */
export async function putInParts(bucket: PartedBucket, key: string, bytes: PartedBytes): Promise<void> {
  const { digest, size, partBytes } = bytes;
  const upload = await bucket.createMultipartUpload(key);
  const reader = bytes.body.getReader({ mode: 'byob' });
  const hash = new crypto.DigestStream(hashName(algorithmOf(digest)));
  hash.digest.catch(() => undefined);
  const hashed = hash.getWriter();
  const parts: UploadedPart[] = [];

  /** Reads the bytes of one part and sends them, as they come. */
  async function sendPart(length: number): Promise<UploadedPart> {
    const { readable, writable } = new FixedLengthStream(length);
    const writer = writable.getWriter();
    async function pump(): Promise<void> {
      for (let left = length, buffer = new ArrayBuffer(PIECE_BYTES); left > 0; ) {
        const { value } = await reader.read(new Uint8Array(buffer, 0, Math.min(left, PIECE_BYTES)));
        if (!value?.length) throw new Error('the bytes broke off');
        await Promise.all([hashed.write(value), writer.write(value)]);
        left -= value.length;
        buffer = value.buffer as ArrayBuffer;
      }
      await writer.close();
    }
    // If one of the two fails, the other one would wait forever.
    const aborting = async (cause: unknown) => {
      await writer.abort(cause).catch(() => undefined);
      throw cause;
    };
    const sending = upload.uploadPart(parts.length + 1, readable).catch(aborting);
    const [part] = await Promise.all([sending, pump().catch(aborting)]);
    return part;
  }

  try {
    for (let sent = 0; sent < size; sent += partBytes) parts.push(await sendPart(Math.min(partBytes, size - sent)));
    await hashed.close();
    if (digestFrom(algorithmOf(digest), await hash.digest) !== digest) throw new WrongBytes('the hash differs');
    await upload.complete(parts);
  } catch (cause) {
    await Promise.allSettled([reader.cancel(cause), hashed.abort(cause), upload.abort()]);
    throw cause;
  }
}
