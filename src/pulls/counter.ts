import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { PullBudget, Told } from './budget.ts';

/** A pull that somebody wants to send: a GET of a manifest. */
export interface Pull {
  readonly name: RepositoryName;
  /** A tag or a digest, without what the caller accepts: origins count a manifest, whatever its type. */
  readonly reference: string;
  readonly isTag: boolean;
  /** Whether there is a last good answer, so that the pull may be spared. */
  readonly isSparable: boolean;
  /** Whether it has to be sent: what others have pulled is of no use. */
  readonly insists: boolean;
}

/** What was pulled, and stored: a manifest, and the media type that the origin's GET told. */
export interface PulledManifest {
  readonly digest: Digest;
  readonly mediaType: string;
}

/** The right to send a pull. If it is neither settled nor disposed of, it ends by itself. */
export interface PullLease {
  /**
   * Tells what the origin answered.
   * @param pulled `undefined`: nothing that others could use
   */
  settle(told: Told, pulled: PulledManifest | undefined): Promise<void>;
  [Symbol.dispose](): void;
}

/** What becomes of a pull. */
export type Taken =
  /** It is counted, and may be sent. */
  | (Known & { readonly kind: 'granted'; readonly lease: PullLease })
  /** The last good answer should stand in for it. */
  | (Known & { readonly kind: 'spared' })
  /** Others have just pulled this manifest, and stored it. Where the pull is of a tag, it may lead to another one. */
  | (PulledManifest & { readonly kind: 'told' });

/** What isolates are told of a budget. */
type Known = Pick<PullBudget, 'limitedUntil'> & { readonly left: number | undefined };

/** Whoever counts the pulls that are sent to one origin. */
export interface PullCounter {
  /** Whether all isolates have this counter. */
  readonly isShared: boolean;
  /**
   * Takes a pull; waits, for a bounded time, while others pull the same.
   * @throws Error the counter failed, or did not answer in time
   */
  take(ctx: RequestContext, pull: Pull): Promise<Taken>;
  /**
   * Tells what the origin answered to a question for which no pull was taken.
   * @param counted how many pulls that was: 0 or 1
   * @throws Error as `take`
   */
  tell(ctx: RequestContext, told: Told, counted: number): Promise<void>;
  /** @throws Error as `take` */
  read(ctx: RequestContext): Promise<PullBudget>;
}
