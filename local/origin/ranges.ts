import { RegistryError } from '../../src/oci/errors.ts';

/** Parses `bytes=0-9`, `bytes=5-`, or the `0-9` of an upload's Content-Range; `last` is absent in an open range. */
export function rangeOf(header: string | null | undefined): { first: number; last: number | undefined } | undefined {
  const [, first, last] = /^(?:bytes=)?([0-9]+)-([0-9]*)$/.exec(header ?? '') ?? [];
  return first === undefined ? undefined : { first: Number(first), last: last ? Number(last) : undefined };
}

/** Answers a GET or HEAD of content: all of it, one range, or a 304 if the client has it. */
export function answerBytes(request: Request, bytes: Buffer, headers: Record<string, string>): Response {
  const isHead = request.method === 'HEAD';
  if (request.headers.get('if-none-match') === headers.etag) return new Response(null, { status: 304, headers });
  const range = isHead ? undefined : rangeOf(request.headers.get('range'));
  if (!range) {
    const whole = { ...headers, 'content-length': String(bytes.length) };
    return new Response(isHead ? null : new Uint8Array(bytes), { headers: whole });
  }
  if (range.first >= bytes.length) {
    const body = new RegistryError('RANGE_INVALID').toBody();
    return new Response(body, { status: 416, headers: { 'content-range': `bytes */${bytes.length}` } });
  }
  const last = Math.min(range.last ?? bytes.length - 1, bytes.length - 1);
  const part = bytes.subarray(range.first, last + 1);
  return new Response(new Uint8Array(part), {
    status: 206,
    headers: {
      ...headers,
      'content-length': String(part.length),
      'content-range': `bytes ${range.first}-${last}/${bytes.length}`,
    },
  });
}
