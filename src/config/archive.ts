import type { BytesConfig } from './bytes.ts';
import { type Form, flag } from './forms.ts';
import type { Settings } from './settings.ts';
import type { UpstreamConfig } from './upstream.ts';

const ONLY_PULLS =
  'keep requires a mirror into which nobody may push: CLIENT_AUTH=anonymous, or basic with no such user';
/** The default is a short failure of the origin, and no time for an archive. */
const NO_TIME = 'keep requires STALE_IF_ERROR, which is how long deleted content is kept: set it, to 365d for example';
const SHARED = 'keep requires REDIS_SHARED=false: a registry clears what it has deleted from a database that it shares';
const NO_BYTES = 'KEEP_DELETED=keep keeps manifests alone without BLOB_STORE: set it, so that blobs are kept, too';
const NO_PULLS =
  'KEEP_DELETED=keep keeps no blob that is pulled with BLOB_FILL=push, and nobody pushes there: set it to pull or both';

/** Reports what keeps an upstream from being an archive. Where nobody may push, no push can rely on what is gone. */
export function checkArchive(
  settings: Settings,
  config: {
    readonly keepsDeleted: boolean;
    readonly allowsWrites: boolean;
    readonly staleIfErrorMs?: number | undefined;
  },
): void {
  if (!config.keepsDeleted) return;
  if (config.allowsWrites) settings.report(`KEEP_DELETED: ${ONLY_PULLS}`);
  if (config.staleIfErrorMs === 0 || !settings.read('STALE_IF_ERROR', isSaid)) {
    settings.report(`KEEP_DELETED: ${NO_TIME}`);
  }
}

/** Whether a variable is set, to whatever. */
const isSaid: Form<boolean> = (raw = '') => ({ value: String(raw).trim() !== '' });

/**
 * Reports a store that keeps no tags, by which an archive is pulled, or that the registry itself clears.
 * @param kinds those that keep tags
 */
export function checkArchiveStore(
  settings: Settings,
  upstreams: readonly UpstreamConfig[],
  { lacksTags, kinds }: { readonly lacksTags: boolean; readonly kinds: readonly string[] },
): void {
  if (!upstreams.some(({ keepsDeleted }) => keepsDeleted)) return;
  if (lacksTags) {
    settings.report(`KEEP_DELETED: keep requires a store that keeps tags: BLOBDESCRIPTOR=${kinds.join(' or ')}`);
  } else if (settings.read('REDIS_SHARED', flag('false'))) settings.report(`KEEP_DELETED: ${SHARED}`);
}

/** Warns of archives into which pulls bring no blobs. */
export function archivesWithoutBytes(
  upstreams: readonly UpstreamConfig[],
  bytes: BytesConfig<unknown> | undefined,
): string[] {
  if (!upstreams.some(({ keepsDeleted }) => keepsDeleted)) return [];
  if (!bytes) return [NO_BYTES];
  return bytes.fill === 'push' ? [NO_PULLS] : [];
}
