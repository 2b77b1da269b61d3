import type { Access } from './sides.ts';
import type { Cell } from './travel.ts';

/**
 * What must hold of every cell, and where it does not hold yet. The lists of what does not hold fail when they have
 * become needless.
 */

/**
 * The most requests that the origin may get of a journey through the edge, the questions of the edge's own included.
 * The edge adds questions only by the check of a manifest: for each digest one, if it was confirmed longer than
 * `PUSH_EXISTENCE_TTL` ago, and one by which a token that is new to it proves its access.
 */
function mostRequests({ isLate, direct, through: { own } }: Cell, access: Access): number {
  return direct.length + (isLate || access === 'fresh token, not verified' ? new Set(own).size : 0);
}

export function asksMore(cell: Cell, access: Access): boolean {
  return cell.through.forwarded + cell.through.own.length > mostRequests(cell, access);
}

/**
 * A question that the edge may ask by itself: whether something with this digest exists, or where a tag leads that was
 * just pushed, in place of the client's GET.
 */
export const EXISTENCE = /^HEAD \/v2\/.+\/(?:blobs\/sha256:[0-9a-f]{64}|manifests\/[^/]+)$/;

/**
 * The clients for which the edge asks more than that, by journey: after an upload in pieces and after a mount, whose
 * bytes it has not seen, it asks for the blob.
 */
export const ASKS_MORE: Readonly<Record<string, readonly string[]>> = {
  'first push': ['skopeo', 'crane', 'docker', 'podman'],
  'one new layer': ['crane', 'docker', 'podman'],
  copy: ['skopeo', 'crane', 'oras', 'regctl', 'docker', 'containerd', 'podman'],
};
