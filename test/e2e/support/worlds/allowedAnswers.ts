import type { Allowance } from './allowance.ts';
import type { Reply } from './world.ts';

/** The fields in which a 304 differs from a 200. */
const OF_CONTENT = new Set(['status', 'content-length', 'content-type', 'content-range', 'body']);
/** The fields of an error that describe its text. */
const OF_ERROR = new Set(['content-length', 'content-type', 'x-content-type-options', 'body']);

/** How the edge's answers about content differ from those of the registry. */
export const ALLOWED_ANSWERS: readonly Allowance[] = [
  {
    what: 'Cache-Control forbids transforming, and caching what the edge answers by itself',
    said: 'request-handling.md, A blob HEAD, step 9, and What passes through',
    allows: ({ field, alone, edge }, { edge: { status } }) =>
      field === 'cache-control' &&
      (edge === (alone ? `${alone}, no-transform` : 'no-transform') ||
        edge === (status < 400 ? 'no-cache, no-transform' : 'no-store, no-transform')),
  },
  {
    what: 'If-None-Match is compared as RFC 9110 says, before a range is looked at, and may name a bare digest',
    said: 'request-handling.md, A blob HEAD, step 9, and A blob, step 1; law 5',
    allows: ({ field }, { step, alone, edge }) =>
      step.headers['if-none-match'] !== undefined &&
      edge.status === 304 &&
      (alone.status === 416 ||
        ([200, 206].includes(alone.status) && edge.headers.etag === alone.headers.etag && OF_CONTENT.has(field))),
  },
  {
    what: 'a 304 has the validators, also where the registry leaves them out',
    said: 'law 5',
    allows: ({ field, alone, edge }, exchange) =>
      [exchange.alone.status, exchange.edge.status].every((status) => status === 304) &&
      alone === undefined &&
      (field === 'accept-ranges'
        ? edge === 'bytes'
        : field === 'etag' || field === 'docker-content-digest'
          ? exchange.edge.headers.etag === `"${exchange.edge.headers['docker-content-digest']}"`
          : false),
  },
  {
    what: 'distribution compares If-None-Match before it looks for the manifest and at Accept; the edge asks without it',
    said: 'request-handling.md, A blob HEAD, step 9',
    allows: (_, { step, alone, edge }) =>
      (step.route === 'manifest' || step.route === 'tag') &&
      step.headers['if-none-match'] !== undefined &&
      alone.status === 304 &&
      edge.status === 404,
  },
  {
    what: 'If-Range holds if it names the digest that is asked for, also where the ETag has that of another algorithm',
    said: 'request-handling.md, A blob, step 2',
    allows: ({ field }, { step, alone, edge }) =>
      alone.status === 200 &&
      edge.status === 206 &&
      (OF_CONTENT.has(field) || field === 'content-range') &&
      String(step.target).includes(String(step.headers['if-range']).replaceAll('"', '')),
  },
  {
    what: 'a HEAD has no range',
    said: 'RFC 9110 §14.2: a range is for a GET',
    allows: ({ field, edge }, { step, alone, edge: { status } }) =>
      step.method === 'HEAD' &&
      step.headers.range !== undefined &&
      [200, 304].includes(status) &&
      (alone.status === 416 || (alone.status === 206 && OF_CONTENT.has(field) && isWhole(field, edge, alone))),
  },
  {
    what: 'a HEAD of a blob is asked without If-Match and If-Unmodified-Since',
    said: 'RFC 9110 §13.1.1 and §13.1.4: caches may ignore them; law 8',
    allows: (_, { step, alone, edge }) =>
      step.method === 'HEAD' &&
      alone.status === 412 &&
      edge.status === 200 &&
      (step.headers['if-match'] ?? step.headers['if-unmodified-since']) !== undefined,
  },
  {
    what: 'a 416 to a GET has a body of the edge',
    said: 'request-handling.md, What passes through',
    allows: ({ field }, { step, alone, edge }) =>
      step.method === 'GET' && alone.status === 416 && edge.status === 416 && OF_ERROR.has(field),
  },
];

/** Whether a Content-Length is that of the blob of which the registry sends a part; of several parts nothing is known. */
function isWhole(field: string, length: string | undefined, { headers }: Reply): boolean {
  const range = headers['content-range'];
  return field !== 'content-length' || range === undefined || length === undefined || range.endsWith(`/${length}`);
}
