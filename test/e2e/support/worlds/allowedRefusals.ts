import type { Allowance } from './allowance.ts';
import { MAX_BUFFERED_BYTES, type Reply } from './world.ts';

/** What the edge refuses by itself, before the origin hears of it, and how refusals reach a client. */
export const ALLOWED_REFUSALS: readonly Allowance[] = [
  {
    what: 'a path that is no valid name, digest or tag, or that two programs could read in two ways, is a 400',
    said: 'request-handling.md, A blob HEAD, step 1',
    allows: (_, { step, alone, edge }) =>
      step.route === 'bad' &&
      (alone.status >= 300 || step.method === 'OPTIONS' || String(step.target).includes('%2F')) &&
      edge.status === 400 &&
      hasOnly(edge, 'NAME_INVALID', 'DIGEST_INVALID', 'TAG_INVALID'),
  },
  {
    what: 'a path outside of /v2/ is a 404',
    said: 'request-handling.md, Everything else',
    allows: (_, { step, edge }) =>
      !String(step.target).startsWith('/v2') && edge.status === 404 && hasOnly(edge, 'NAME_UNKNOWN'),
  },
  {
    what: 'a method that no registry knows is a 405',
    said: 'request-handling.md, What passes through',
    allows: (_, { step, edge }) => step.method === 'TRACE' && edge.status === 405 && hasOnly(edge, 'UNSUPPORTED'),
  },
  {
    what: 'a manifest whose blobs are gone is refused by the edge, in its own words, before the origin judges the rest',
    said: 'pushing.md, The check at the commit; law 4',
    allows: (_, { step, alone, edge }) =>
      step.method === 'PUT' &&
      edge.status === 400 &&
      hasOnly(edge, 'MANIFEST_BLOB_UNKNOWN') &&
      (alone.status === 500 || (alone.status === 400 && namesAllOf(alone, edge))),
  },
  {
    what: 'whoever refuses a large body may end the connection before the client has read the refusal',
    said: 'RFC 9112 §9.6: the client is still writing, and the reset may reach it before the answer',
    allows: (_, { step, alone, edge }) =>
      (step.body?.length ?? 0) > MAX_BUFFERED_BYTES &&
      [alone, edge].some(isCutOff) &&
      [alone, edge].every((reply) => isCutOff(reply) || reply.status >= 400),
  },
];

/** Whether the connection broke off while the client was sending. */
function isCutOff({ status, body }: Reply): boolean {
  return status === 0 && /EPIPE|ECONNRESET/.test(body);
}

/** Whether the answer is an error of the edge with no other code than these. An answer to a HEAD does not tell. */
function hasOnly(reply: Reply, ...codes: readonly string[]): boolean {
  if (reply.headers['content-type'] !== 'application/json') return false;
  return reply.body === '' || errorsIn(reply).every(({ code }) => codes.includes(code));
}

/** Whether the registry misses all blobs that the edge misses, if it says which. */
function namesAllOf(alone: Reply, edge: Reply): boolean {
  const missed = errorsIn(alone).filter(({ code }) => code === 'MANIFEST_BLOB_UNKNOWN');
  return missed.length === 0 || errorsIn(edge).every(({ detail }) => missed.some((each) => each.detail === detail));
}

function errorsIn({ body }: Reply): { readonly code: string; readonly detail?: unknown }[] {
  try {
    return (JSON.parse(body) as { errors: { code: string; detail?: unknown }[] }).errors;
  } catch {
    return [];
  }
}
