import type { Backend } from './backend.ts';
import { oneOf, oneOfOrNone, size } from './forms.ts';
import { type Environment, isSet, type Settings } from './settings.ts';

/** Where bytes of blobs are kept, and which. */
export interface BytesConfig<Store> {
  readonly store: Store;
  /** `BLOB_MAX_BYTES` */
  readonly maxBytes: number;
  /** `BLOB_FILL` */
  readonly fill: 'pull' | 'push' | 'both';
}

export const BYTES_VARIABLES = ['BLOB_STORE', 'BLOB_MAX_BYTES', 'BLOB_FILL'] as const;

const MAX_BYTES_REASON = 'a larger blob is streamed and not stored';

/**
 * Reads which store keeps bytes of blobs.
 * @returns `undefined` where none does, or if something is bad, which is reported
 */
export function readBytes<Store>(
  settings: Settings,
  backends: readonly Backend<Store>[],
): BytesConfig<Store> | undefined {
  const kinds = backends.map(({ kind }) => kind);
  const kind = settings.read('BLOB_STORE', oneOfOrNone(kinds));
  const maxBytes = settings.read('BLOB_MAX_BYTES', size('5GiB', '1MiB', '5120GiB', MAX_BYTES_REASON));
  const fill = settings.read('BLOB_FILL', oneOf('pull', ['pull', 'push', 'both']));
  const store = backends.find((backend) => backend.kind === kind)?.configure(settings);
  return store && maxBytes !== undefined && fill ? { store, maxBytes, fill } : undefined;
}

/** Returns a warning for each variable that is set and has no effect. */
export function bytesWithoutEffect(env: Environment): string[] {
  if (isSet(env, 'BLOB_STORE')) return [];
  const others = BYTES_VARIABLES.filter((name) => name !== 'BLOB_STORE' && isSet(env, name));
  return others.map((name) => `${name} has no effect without BLOB_STORE: set it, or remove this one`);
}
