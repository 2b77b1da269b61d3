import type { RequestContext } from '../context.ts';
import type { Memory } from '../isolate/memory.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';

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
  /** @returns what the origin told this caller, and has not told otherwise since */
  of(ctx: RequestContext, repository: RepositoryName, links: LinkSet): readonly Absence[];
  /** It is there now, or evicted. */
  forget(ctx: RequestContext, repository: RepositoryName, links: LinkSet, digest: Digest): void;
}

/** A client asks for some dozens of layers at once; of more, the latest count. */
const MAX_ABSENCES = 50;
/** A digest, a time and a reference to the caller's `Accept`. */
const ABSENCE_BYTES = 300;

/** @param keptMs as long as an entry may answer that was confirmed before */
export function createAbsences(memory: Memory, keptMs: number): Absences {
  const noted = memory.part<readonly Absence[]>('absent');

  /** A repository's name has no space, so that no two pairs make one key. */
  const keyOf = ({ caller }: RequestContext, repository: RepositoryName, links: LinkSet) =>
    caller === undefined ? undefined : `${links} ${repository} ${caller}`;

  function of(ctx: RequestContext, key: string | undefined): readonly Absence[] {
    return (key !== undefined && noted.get(key, ctx.now())) || [];
  }
  function keep(ctx: RequestContext, key: string | undefined, absences: readonly Absence[]): void {
    if (key === undefined) return;
    if (absences.length === 0) noted.delete(key);
    else noted.set(key, absences, ctx.now() + keptMs, absences.length * ABSENCE_BYTES);
  }

  return {
    note(ctx, repository, links, absence) {
      const key = keyOf(ctx, repository, links);
      const others = without(of(ctx, key), absence.digest);
      keep(ctx, key, [...others.slice(1 - MAX_ABSENCES), absence]);
    },
    of: (ctx, repository, links) => of(ctx, keyOf(ctx, repository, links)),
    forget(ctx, repository, links, digest) {
      const key = keyOf(ctx, repository, links);
      const known = of(ctx, key);
      if (known.length > 0) keep(ctx, key, without(known, digest));
    },
  };
}

function without(absences: readonly Absence[], one: Digest): readonly Absence[] {
  return absences.filter(({ digest }) => digest !== one);
}
