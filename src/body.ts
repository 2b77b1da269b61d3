import { RegistryError } from './oci/errors.ts';
import { within } from './within.ts';

/**
 * A body of known length, which is small.
 * @param timeoutMs until it is there
 * @throws RegistryError ORIGIN_UNREACHABLE: it broke off, or did not come in time
 */
export async function bytesOf(response: Response, timeoutMs: number): Promise<Uint8Array> {
  try {
    const bytes = await within(response.arrayBuffer(), timeoutMs);
    if (bytes) return new Uint8Array(bytes);
  } catch (cause) {
    throw new RegistryError('ORIGIN_UNREACHABLE', { cause });
  }
  throw new RegistryError('ORIGIN_UNREACHABLE');
}
