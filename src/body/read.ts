import { RegistryError } from '../oci/errors.ts';
import { within } from '../within.ts';

/** A body that was read: all of it, or, where it is longer than wanted, a stream of all of it. */
export type Body = { readonly bytes: Uint8Array } | { readonly stream: ReadableStream<Uint8Array> };

/**
 * Reads a body of no more than some length.
 * @param timeoutMs until it is there
 * @throws RegistryError ORIGIN_UNREACHABLE: it broke off, or did not come in time
 */
export async function readBody({ body }: Pick<Response, 'body'>, maxBytes: number, timeoutMs: number): Promise<Body> {
  if (!body) return { bytes: new Uint8Array() };
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  try {
    const read = await within(readUpTo(reader, maxBytes), timeoutMs);
    if (!read) throw new Error(`the body did not come within ${timeoutMs} ms`);
    return read.isWhole ? { bytes: joined(read.chunks) } : { stream: continued(read.chunks, reader) };
  } catch (cause) {
    await reader.cancel(cause).catch(() => undefined);
    throw new RegistryError('ORIGIN_UNREACHABLE', { cause });
  }
}

async function readUpTo(reader: ReadableStreamDefaultReader<Uint8Array>, maxBytes: number) {
  const chunks: Uint8Array[] = [];
  for (let length = 0; length <= maxBytes; ) {
    const { done, value } = await reader.read();
    if (done) return { chunks, isWhole: true };
    chunks.push(value);
    length += value.length;
  }
  return { chunks, isWhole: false };
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** What was read, then the rest. */
function continued(chunks: Uint8Array[], reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const chunk = chunks.shift();
      if (chunk) return controller.enqueue(chunk);
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
