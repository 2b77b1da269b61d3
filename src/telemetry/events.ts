import type { Entry } from '../oci/descriptor.ts';

/**
 * A decision on the way of one request. Headers, the log line, metrics and tests all read these events, so they cannot
 * contradict each other.
 */
export type EdgeEvent =
  | { readonly kind: 'access'; readonly outcome: 'granted' | 'unproven' | 'refused' }
  /**
   * The cache answered. `staleMs`: how much older than its window the answer was; the origin is asked after the reply.
   */
  | { readonly kind: 'hit'; readonly staleMs?: number }
  /** The origin was asked, for this reason (RFC 9211 §2.2). */
  | { readonly kind: 'forward'; readonly reason: ForwardReason; readonly detail?: ForwardDetail }
  /** The byte store was asked for a blob, or for a part of it. */
  | { readonly kind: 'bytes'; readonly store: string; readonly outcome: StatOutcome; readonly ms: number }
  /** A blob was to be stored in the byte store. */
  | { readonly kind: 'fill'; readonly outcome: 'begun' | FillOutcome }
  /** A blob that the origin had lost was to be uploaded to it again. */
  | { readonly kind: 'restore'; readonly outcome: 'done' | 'failed' }
  /** An identical question of another request to the origin gave the answer. */
  | { readonly kind: 'collapsed' }
  /** `store`: the name of the store that was looked at. */
  | { readonly kind: 'stat'; readonly store: string; readonly outcome: StatOutcome; readonly ms: number }
  | { readonly kind: 'origin'; readonly method: string; readonly outcome: number | 'unreachable'; readonly ms: number }
  /**
   * An operator's policy refuses the request (`denied`), answers with what the tag led to before (`heldBack`), or would
   * do either if policies were enforced (`reported`).
   */
  | { readonly kind: 'policy'; readonly policy: PolicyName; readonly outcome: 'denied' | 'heldBack' | 'reported' }
  /** What was decided so far only found out to which digest a tag leads; what follows is about the answer. */
  | { readonly kind: 'resolved' }
  /**
   * A pull that the origin counts: it was counted, and sent (`granted`); others had just pulled the same (`told`); the
   * last good answer stands in for it, since few are left (`spared`); or it could not be counted, and was sent. `left`:
   * how many are left, if that is known.
   */
  | {
      readonly kind: 'budget';
      readonly outcome: 'granted' | 'told' | 'spared' | 'fault';
      readonly left?: number;
    }
  /** A token server was asked for a token of the edge's own. */
  | { readonly kind: 'token'; readonly outcome: 'issued' | 'refused' | 'failed'; readonly ms: number }
  /** A store's circuit breaker: it opened after too many faults, or it was open, and a read was skipped. */
  | { readonly kind: 'breaker'; readonly outcome: 'opened' | 'skipped' }
  /**
   * The store holds only a part: a membership without a descriptor, a manifest without content, a tag without either.
   */
  | { readonly kind: 'half-cleared'; readonly entry?: Entry }
  /** Content was not read from the store, because there was no room for this many bytes. */
  | { readonly kind: 'no-room'; readonly bytes: number }
  /** A lookup saw a tombstone: what the origin confirmed up to this time (epoch ms) does not count. */
  | { readonly kind: 'tombstone'; readonly until: number }
  /** A store with a clock of its own was read at this time (epoch ms). */
  | { readonly kind: 'look'; readonly at: number }
  | { readonly kind: 'write-back'; readonly outcome: 'begun' | 'done' | 'unneeded' | 'fault' }
  /** A manifest that needs this many blobs was checked: the origin was asked for so many, and so many are gone. */
  | { readonly kind: 'check'; readonly needed: number; readonly asked: number; readonly gone: number }
  /** The registry sent this many events. Of `unusable` ones, nothing or not everything could be used. */
  | { readonly kind: 'notified'; readonly events: number; readonly changes: number; readonly unusable: number }
  /** The registry sent an envelope that is too large to be parsed; the scan for repositories found this many. */
  | { readonly kind: 'notified-too-much'; readonly bytes: number; readonly repositories: number }
  /** Content was removed from the store (`evict`: since the origin does not have it), or marked as being deleted. */
  | { readonly kind: 'clear' | 'evict' | 'markDeleting'; readonly outcome: 'done' | 'fault' }
  /** The cache forgot what a manifest names that the origin refused, so that the push succeeds when it is repeated. */
  | { readonly kind: 'heal' };

/** A policy, by the variable that declares it. */
export type PolicyName = 'ALLOW_REPOSITORIES' | 'DENY_REPOSITORIES' | 'IMMUTABLE_TAGS' | 'COOLDOWN' | 'USERS';

/**
 * How a fill ended. `wrong`: the bytes do not match their digest; `failed`, `slow`: the store failed, or made the client
 * wait; `left`: the client left before most of it had passed; `broken`: the origin's body broke off.
 */
export type FillOutcome = 'stored' | 'wrong' | 'failed' | 'slow' | 'left' | 'broken';
export type StatOutcome = 'hit' | 'miss' | 'fault';
/** `vary-miss`: the stored answer has a media type that the caller does not accept. */
export type ForwardReason = 'miss' | 'stale' | 'bypass' | 'vary-miss';
/**
 * `unproven`: the caller's access was not known yet; `identity`: nor could it become known, since a header besides
 * `Authorization` may say who calls; `ns`: `?ns=` names another registry than this origin; `push`: the answer was older
 * than the push window; `fault`: the store failed; `slow`: the store did not answer in time; `unreachable`,
 * `origin-503` and the like, `paused` (its Retry-After): how the origin failed, so that the last good answer was
 * served; `budget`: so it was because few pulls are left.
 */
export type ForwardDetail =
  | 'unproven'
  | 'identity'
  | 'ns'
  | 'push'
  | 'fault'
  | 'slow'
  | 'unreachable'
  | 'paused'
  | 'budget'
  | `origin-${number}`;

/**
 * Receives every event of every request when it is emitted, also those that come after the reply.
 * @param keepAlive lets work continue after the reply, as part of no request
 */
export type EventSink = (event: EdgeEvent, keepAlive: KeepAlive) => void;

export type KeepAlive = (work: Promise<unknown>) => void;
