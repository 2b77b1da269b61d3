import type { LinkSet } from './cache/provider.ts';
import type { RequestContext } from './context.ts';
import type { Memory } from './memory.ts';
import type { Digest } from './oci/digest.ts';
import type { RepositoryName } from './oci/name.ts';

/** A digest of which the origin told a caller that it is not there: 404. */
export interface Absence {
  readonly digest: Digest;
  /** Epoch ms at which the question was sent: what was confirmed later stands. */
  readonly sentAt: number;
  /** The caller's `Accept`: of a manifest registries say 404 also because of its media type. */
  readonly accept: string | null;
}

/**
 * What the origin told callers of whom nothing was proved yet. A stranger's 404 says nothing of the content, so it evicts
 * nothing. Once the caller proves that it may know of such content here, it did, and what it was told is evicted before the
 * cache speaks to it. This is no negative cache: nobody is ever answered from it.
 */
export interface Absences {
  note(ctx: RequestContext, repository: RepositoryName, links: LinkSet, absence: Absence): void;
  /** @returns what the origin had told this caller, once */
  take(ctx: RequestContext, repository: RepositoryName, links: LinkSet): readonly Absence[];
}

/** As long as a grant may live: what was told longer ago is asked again anyway. */
const KEPT_MS = 60_000;
/** A client pushes some dozens of layers at once; of more, the latest count. */
const MAX_ABSENCES = 50;
/** A digest, a time and a reference to the caller's `Accept`. */
const ABSENCE_BYTES = 300;

export function createAbsences(memory: Memory): Absences {
  const noted = memory.part<readonly Absence[]>('absent');
  const keyOf = (caller: string, repository: RepositoryName, links: LinkSet) => `${links} ${repository} ${caller}`;
  return {
    note(ctx, repository, links, absence) {
      if (ctx.caller === undefined) return;
      const key = keyOf(ctx.caller, repository, links);
      const others = (noted.get(key, ctx.now()) ?? []).filter(({ digest }) => digest !== absence.digest);
      const all = [...others.slice(1 - MAX_ABSENCES), absence];
      noted.set(key, all, ctx.now() + KEPT_MS, all.length * ABSENCE_BYTES);
    },
    take(ctx, repository, links) {
      if (ctx.caller === undefined) return [];
      const key = keyOf(ctx.caller, repository, links);
      const absences = noted.get(key, ctx.now()) ?? [];
      if (absences.length > 0) noted.delete(key);
      return absences;
    },
  };
}
