import type { Entry } from '../oci/descriptor.ts';

/**
 * What was decided on the way of one request. Headers, the log line, metrics and tests all read these, so that none of
 * them can tell another story than the rest.
 */
export type EdgeEvent =
  | { readonly kind: 'access'; readonly outcome: 'granted' | 'unproven' | 'refused' }
  /** The answer came from the cache. */
  | { readonly kind: 'hit' }
  /** The origin was asked, and why: RFC 9211 §2.2. */
  | { readonly kind: 'forward'; readonly reason: ForwardReason; readonly detail?: ForwardDetail }
  /** Another request's question to the origin, identical in everything, gave the answer. */
  | { readonly kind: 'collapsed' }
  | { readonly kind: 'stat'; readonly store: StoreName; readonly outcome: StatOutcome; readonly ms: number }
  | { readonly kind: 'origin'; readonly method: string; readonly outcome: number | 'unreachable'; readonly ms: number }
  /** Reads of a store that keeps failing stop for a while. */
  | { readonly kind: 'pause'; readonly outcome: 'begun' | 'skipped' }
  /** The store holds a part only: a membership without a descriptor, a manifest without content, a tag without either. */
  | { readonly kind: 'half-cleared'; readonly entry?: Entry }
  /** Content was not read from the store: there was no room for so many bytes. */
  | { readonly kind: 'no-room'; readonly bytes: number }
  /** A look saw one: what the origin confirmed until then (epoch ms) does not count. */
  | { readonly kind: 'tombstone'; readonly until: number }
  | { readonly kind: 'write-back'; readonly outcome: 'begun' | 'done' | 'unneeded' | 'fault' }
  /** The registry told of so many events; of some nothing, or not all, could be used. */
  | { readonly kind: 'notified'; readonly events: number; readonly changes: number; readonly unusable: number }
  /** The registry told of more than can be read: so many bytes, in which so many repositories were named. */
  | { readonly kind: 'notified-too-much'; readonly bytes: number; readonly repositories: number }
  | { readonly kind: 'clear' | 'markDeleting'; readonly outcome: 'done' | 'fault' };

export type StoreName = 'memory' | 'redis' | 'kv';
export type StatOutcome = 'hit' | 'miss' | 'fault';
/** `vary-miss`: what is known is of a media type that the caller does not take. */
export type ForwardReason = 'miss' | 'stale' | 'bypass' | 'vary-miss';
/**
 * `unproven`: the caller's access was not known yet; `push`: past the push window; `fault`: the store failed;
 * `slow`: the store had not answered in time; `unreachable`, `origin-503` and the like, `paused`: how the origin is ill,
 * and the last good answer stood in for it.
 */
export type ForwardDetail = 'unproven' | 'push' | 'fault' | 'slow' | 'unreachable' | 'paused' | `origin-${number}`;
