import { type ErrorCode, RegistryError } from '../oci/errors.ts';

/** An answer of the origin's whose body is not there, with one of the edge's that says the same. */
export function withErrorBody({ status, headers: given }: Response, code: ErrorCode): Response {
  const headers = new Headers(given);
  headers.delete('content-length');
  headers.set('content-type', 'application/json');
  return new Response(new RegistryError(code).toBody(), { status, headers });
}
