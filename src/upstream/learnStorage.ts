import { retentionMs } from '../cache/freshness.ts';
import { RegistryError } from '../oci/errors.ts';
import type { BlobInPlace } from '../origin/origin.ts';
import { recordAccess } from './recordAccess.ts';
import type { Repository } from './repository.ts';

/**
 * Finds out, after the reply, whether the place to which the origin redirected this caller is its storage, so that such
 * a redirect proves access from now on. It is not asked for callers to whom the proof would be of no use.
 * @param onProven runs if it is, once the access of this caller is recorded
 */
export function learnStorage(repository: Repository, blob: BlobInPlace, onProven?: () => void): void {
  const { ctx, upstream } = repository;
  if (repository.isGranted || ctx.caller === undefined || retentionMs(upstream.ttls) === 0) return;
  ctx.waitUntil(examine(repository, blob, onProven));
}

async function examine(repository: Repository, blob: BlobInPlace, onProven?: () => void): Promise<void> {
  const { ctx, upstream } = repository;
  const examined = await upstream.origin.examineStorage(ctx, blob).catch((error) => {
    if (!(error instanceof RegistryError)) throw error;
  });
  if (examined) recordAccess(repository, 'GET blobs', examined.response, examined.isStorage);
  if (examined?.isStorage) onProven?.();
  else ctx.log.debug('unproven: a redirect leads to an unknown host; if it is storage, name it in REDIRECT_HOSTS');
}
