import { flag, oneOf } from './forms.ts';
import type { Settings } from './settings.ts';

/**
 * A kind of store that `BLOBDESCRIPTOR` may name. `Open` opens a store of this kind, `OpenCounter` what counts the pulls
 * of all isolates.
 */
export interface Backend<Open, OpenCounter = unknown> {
  /** The value of `BLOBDESCRIPTOR`. */
  readonly kind: string;
  /** The variables and secrets that only this backend reads. */
  readonly variables: readonly string[];
  /** Those of them that are flags, which are `false` by default. With another backend, `true` is an error. */
  readonly flags?: readonly string[];
  /** Whether it keeps where tags led, and when. */
  readonly hasHistory?: boolean;
  /** Whether it keeps no tags. */
  readonly lacksTags?: boolean;
  /** Reads what the backend needs. @returns `undefined` if something is bad, which is reported */
  configure(settings: Settings): Open | undefined;
  /** Reads what it needs to count pulls, whichever backend is chosen. @returns `undefined` if nothing is bound for it */
  configureCounter?(settings: Settings): OpenCounter | undefined;
}

/** The backend that was chosen. */
export interface ChosenBackend<Open, OpenCounter = unknown> {
  readonly kind: string;
  readonly hasHistory: boolean;
  readonly lacksTags: boolean;
  readonly open: Open;
  /** `undefined`: each isolate counts the pulls of its own. */
  readonly openCounter: OpenCounter | undefined;
}

/**
 * Reads which backend is chosen, and its variables.
 * @param backends the first is the default
 */
export function readBackend<Open, OpenCounter>(
  settings: Settings,
  backends: readonly Backend<Open, OpenCounter>[],
): ChosenBackend<Open, OpenCounter> | undefined {
  const kinds = backends.map((backend) => backend.kind);
  const [fallback = ''] = kinds;
  const old = settings.read('LAYERINFO', oneOf(fallback, kinds));
  const kind = settings.read('BLOBDESCRIPTOR', oneOf(old ?? fallback, kinds));
  for (const other of backends.filter((backend) => backend.kind !== kind)) {
    for (const name of other.flags ?? []) {
      if (settings.read(name, flag('false'))) settings.report(`${name}: requires BLOBDESCRIPTOR=${other.kind}`);
    }
  }
  const chosen = backends.find((backend) => backend.kind === kind);
  const open = chosen?.configure(settings);
  const [openCounter] = backends.flatMap((backend) => backend.configureCounter?.(settings) ?? []);
  if (!chosen || !open) return undefined;
  const { hasHistory = false, lacksTags = false } = chosen;
  return { kind: chosen.kind, hasHistory, lacksTags, open, openCounter };
}
