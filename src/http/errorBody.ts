import { type ErrorCode, RegistryError } from '../oci/errors.ts';

/** Gives a response of the origin, whose body is missing, the OCI error body of this code; its status stays. */
export function withErrorBody({ status, headers: given }: Response, code: ErrorCode): Response {
  const headers = new Headers(given);
  headers.delete('content-length');
  headers.set('content-type', 'application/json');
  return new Response(new RegistryError(code).toBody(), { status, headers });
}
