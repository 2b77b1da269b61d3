import { RegistryError } from '../../src/oci/errors.ts';

/** Returns what is said of an error: of one that `fetch` throws, its cause, too. */
export function messageOf(error: unknown): string {
  if (error instanceof RegistryError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  // Of several addresses, each was tried, and the error of all has no message.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return first instanceof Error ? `${error.message}: ${first.message}` : error.message;
}
