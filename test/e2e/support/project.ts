import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout. */
export const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/** A path in the checkout. */
export function inProject(...parts: string[]): string {
  return join(PROJECT, ...parts);
}
