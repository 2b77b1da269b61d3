import type { RequestContext } from '../context.ts';
import type { Memory } from '../isolate/memory.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';

/** A digest for which the origin answered a caller's question with 404. */
export interface Absence {
  readonly digest: Digest;
  /** When the question was sent (epoch ms): an entry that was confirmed later stays. */
  readonly sentAt: number;
  /** The caller's `Accept`: a registry also answers 404 when it has the manifest, but in another media type. */
  readonly accept: string | null;
}

/**
 * The 404s that the origin gave to callers without a proof of access. A stranger's 404 says nothing about the content,
 * so it evicts nothing. But if the caller later proves its access to this kind of content, the 404 was true, and the
 * digest is evicted before the cache answers that caller. This is not a negative cache: nobody is ever answered from
 * it.
 */
export interface Absences {
  /** Notes an absence for this caller, in place of an earlier one of the same digest. */
  add(ctx: RequestContext, repository: RepositoryName, links: LinkSet, absence: Absence): void;
  /** Returns the absences that are noted for this caller. */
  list(ctx: RequestContext, repository: RepositoryName, links: LinkSet): readonly Absence[];
  /** Removes the absence of a digest: the origin has the content now, or it has been evicted. */
  forget(ctx: RequestContext, repository: RepositoryName, links: LinkSet, digest: Digest): void;
}

/** A client asks for a few dozen layers at once. If there are more absences than this, the latest ones are kept. */
const MAX_ABSENCES = 50;
/** A digest, a time and a reference to the caller's `Accept`. */
const ABSENCE_BYTES = 300;

/** @param retentionMs how long an entry that was confirmed before the absence may still answer */
export function createAbsences(memory: Memory, retentionMs: number): Absences {
  const absencesByKey = memory.part<readonly Absence[]>('absent');

  /** Spaces separate the parts. A repository name has none, so no two callers share a key. */
  const keyOf = ({ caller }: RequestContext, repository: RepositoryName, links: LinkSet) =>
    caller === undefined ? undefined : `${links} ${repository} ${caller}`;

  function read(ctx: RequestContext, key: string | undefined): readonly Absence[] {
    return (key !== undefined && absencesByKey.get(key, ctx.now())) || [];
  }
  function write(ctx: RequestContext, key: string | undefined, absences: readonly Absence[]): void {
    if (key === undefined) return;
    if (absences.length === 0) absencesByKey.delete(key);
    else absencesByKey.set(key, absences, ctx.now() + retentionMs, absences.length * ABSENCE_BYTES);
  }

  return {
    add(ctx, repository, links, absence) {
      const key = keyOf(ctx, repository, links);
      const others = withoutDigest(read(ctx, key), absence.digest);
      write(ctx, key, [...others.slice(1 - MAX_ABSENCES), absence]);
    },
    list: (ctx, repository, links) => read(ctx, keyOf(ctx, repository, links)),
    forget(ctx, repository, links, digest) {
      const key = keyOf(ctx, repository, links);
      const absences = read(ctx, key);
      if (absences.length > 0) write(ctx, key, withoutDigest(absences, digest));
    },
  };
}

function withoutDigest(absences: readonly Absence[], digest: Digest): readonly Absence[] {
  return absences.filter((absence) => absence.digest !== digest);
}
