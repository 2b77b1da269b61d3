/** What a caller may do in a repository: `stat` is HEAD alone. */
export type Right = 'stat' | 'pull' | 'push' | 'delete';

/**
 * Who calls. `writer` may do everything until somebody revokes it, `reader` only pull, `looker` only HEAD, `pusher` only
 * push, `stranger` nothing. `verified` may push, and `puller` never does: of both the edge knows that by itself. `fresh`
 * has a new credential for every request.
 */
export const CALLERS = ['writer', 'reader', 'looker', 'pusher', 'stranger', 'verified', 'puller', 'fresh'] as const;
export type Caller = (typeof CALLERS)[number];

/** Lets somebody do something in a repository, or not. */
export type May = (right: Right, name: string) => boolean;

/** All callers of a registry's edges, and who judges them. */
export interface Callers {
  /** Returns the `Authorization` of a caller's next request to an edge. */
  authorizationOf(caller: Caller): string;
  /** Judges, as the registry does, a request with this `Authorization`. */
  judge(authorization: string | null): May;
  /** Takes the writer's rights, or gives them back, if the registry judges callers. */
  trustWriter(isTrusted: boolean): void;
  /** Begins to watch a right. @returns whether the caller has had it for all of the time since */
  watch(caller: Caller, right: Right, name: string): () => boolean;
  /** Begins to watch whether the registry tells of blobs when an edge asks for a caller. */
  watchTold(caller: Caller, name: string): () => boolean;
  /** Whether the edges know that the caller never pushes there. */
  isPullOnly(caller: Caller, name: string): boolean;
  /** Whether a caller had the right at some time since then (epoch ms). */
  mightSince(caller: Caller, right: Right, name: string, ms: number): boolean;
}

export interface CallersOptions {
  readonly names: readonly string[];
  /** The repository into which readers, lookers and fresh callers may not look. */
  readonly closed: string;
  readonly now: () => number;
}

/** Whether a repository is closed to a caller. */
export function isClosed(caller: Caller, name: string, { closed }: Pick<CallersOptions, 'closed'>): boolean {
  return name === closed && (caller === 'reader' || caller === 'looker' || caller === 'fresh');
}
