import { startOlareg } from '../olareg.ts';
import { startRegistry } from '../registry.ts';
import type { Tool } from '../tools.ts';
import type { Difference } from './results.ts';

/** A registry with which the conformance suite is run, directly and through an edge. */
export interface ConformanceOrigin {
  readonly name: string;
  readonly tool: Tool;
  /** Starts it, empty. @returns its URL */
  start(): Promise<string>;
  /**
   * The tests that end otherwise through the edge, sorted by name, and why they may. The list has to be complete, and
   * none may be needless.
   */
  readonly known: readonly (Difference & { readonly why: string })[];
  /**
   * What the origin itself answers otherwise when it is asked the same again, as `differencesIn` names it; this list
   * has to be complete, too.
   */
  readonly forgetful: readonly string[];
}

/** The edge refuses by itself what cannot be a digest; the registry takes it for an error of its own. */
const WRONG_DIGEST = 'a malformed digest is a 400 of the edge, and a 500 of the registry';

export const REGISTRY: ConformanceOrigin = {
  name: 'registry 3.1',
  tool: 'registry',
  start: async () => (await startRegistry({ kind: 'registry', inMemory: true, quiet: true })).url,
  known: [
    {
      test: 'OCI Conformance Test/invalid-digest-format/manifest-get',
      before: ['failure: manifest get failed: unexpected status code, expected one of [404 400], received 500'],
      after: ['passed: '],
      why: WRONG_DIGEST,
    },
    {
      test: 'OCI Conformance Test/invalid-digest-format/manifest-put',
      before: ['failure: manifest put failed: unexpected status code, expected one of [400], received 500'],
      after: ['passed: '],
      why: WRONG_DIGEST,
    },
  ],
  forgetful: [],
};

export const OLAREG: ConformanceOrigin = {
  name: 'olareg',
  tool: 'olareg',
  start: startOlareg,
  known: [],
  // It keeps the list of a filter, but not that it was filtered.
  forgetful: ['GET referrers: oci-filters-applied'],
};
