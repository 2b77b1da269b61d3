import { oneOfOrNone } from './forms.ts';
import type { Settings } from './settings.ts';

/** The regions in which Cloudflare may place an object. */
const LOCATIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;
/** Where the law may require objects to stay. */
const JURISDICTIONS = ['eu', 'us', 'fedramp'] as const;

export const PLACEMENT_VARIABLES = ['STORE_LOCATION', 'STORE_JURISDICTION'] as const;

/** A namespace of Durable Objects, as far as it says where they are. */
interface Placeable<N> {
  /** Returns the part of the namespace whose objects never leave a jurisdiction. */
  jurisdiction(name: string): N;
}

/** Durable Objects, and where they are. */
export interface Placed<N> {
  readonly namespace: N;
  /** Near which the objects should be placed; without it, near their first caller. */
  readonly location: string | undefined;
}

/** Reads where objects are to be. @returns `undefined` if something is bad, which is reported, or nothing is bound */
export function readPlacement<N extends Placeable<N>>(
  settings: Settings,
  everywhere: N | undefined,
): (() => Placed<N>) | undefined {
  const location = settings.read('STORE_LOCATION', oneOfOrNone(LOCATIONS));
  const jurisdiction = settings.read('STORE_JURISDICTION', oneOfOrNone(JURISDICTIONS));
  if (!everywhere || location === undefined || jurisdiction === undefined) return undefined;
  // What is bound is no namespace where only the configuration is read.
  return () => ({
    namespace: jurisdiction ? everywhere.jurisdiction(jurisdiction) : everywhere,
    location: location || undefined,
  });
}
