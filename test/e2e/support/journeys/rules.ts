import type { Cell } from './travel.ts';

/**
 * What must hold of every cell, and where it does not hold yet. The lists of what does not hold fail when they have
 * become needless.
 */

/**
 * The most requests that the origin may get of a journey through the edge, the questions of the edge's own included.
 * The edge adds a question only where a push leans on what was confirmed longer than `PUSH_EXISTENCE_TTL` ago: then
 * it asks for each digest once.
 */
function mostRequests({ isLate, direct, through: { own } }: Cell): number {
  return direct.length + (isLate ? new Set(own).size : 0);
}

export function asksMore(cell: Cell): boolean {
  return cell.through.forwarded + cell.through.own.length > mostRequests(cell);
}

/** A question that the edge may ask by itself: whether something with this digest exists. */
export const EXISTENCE = /^HEAD \/v2\/.+\/(?:blobs|manifests)\/sha256:[0-9a-f]{64}$/;

/**
 * The clients for which the edge asks more than that, by journey: after an upload in pieces and after a mount, whose
 * bytes it has not seen, it asks for the blob.
 */
export const ASKS_MORE: Readonly<Record<string, readonly string[]>> = {
  'first push': ['skopeo', 'crane', 'docker', 'podman'],
  'one new layer': ['crane', 'docker', 'podman'],
  copy: ['skopeo', 'crane', 'oras', 'regctl', 'docker', 'containerd', 'podman'],
};

/** Journeys in which blobs that exist are asked of the origin, although the caller's token was verified. */
export const ASKS_AGAIN: readonly string[] = ['push again, late', 'retag, late'];
