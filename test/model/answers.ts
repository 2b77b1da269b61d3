import { Violation } from './violation.ts';
import { WINDOWS } from './windows.ts';

/** What an edge answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Returns for how long after the origin's confirmation a caller may be told "exists", in ms. */
export function windowOf({ links }: { readonly links: string }, isPullOnly: boolean): number {
  if (isPullOnly) return WINDOWS.descriptor;
  return links === 'blobs' ? WINDOWS.push + WINDOWS.stale : WINDOWS.push;
}

/** Returns how much longer the last good answer may be given, because the edge says that the origin fails; in ms. */
export function bridgedMs({ headers }: Answer): number {
  return / fwd=stale; detail=(?:origin-5|unreachable|paused)/.test(headers.get('cache-status') ?? '')
    ? WINDOWS.staleIfError
    : 0;
}

/** Holds an answer against the content of its digest. @throws Violation */
export function judgeContent(
  { headers, body }: Answer,
  question: { readonly method: string },
  content: { readonly bytes: string; readonly mediaType: string } | undefined,
): void {
  if (headers.get('content-type') !== content?.mediaType) {
    throw new Violation(`5, the media type is the origin's, not ${headers.get('content-type')}`, question);
  }
  if (question.method === 'GET' && body !== content?.bytes) {
    throw new Violation('5, the bytes are those of the digest', question);
  }
  if (question.method === 'HEAD' && headers.get('content-length') !== String(content?.bytes.length)) {
    throw new Violation("5, the size is the origin's", question);
  }
}
