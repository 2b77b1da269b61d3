import type { Edge } from './edge.ts';

/** Has a credential: the edge treats a caller without one as unable to delete until the origin lets such a caller. */
export const DELETE = { method: 'DELETE', headers: { authorization: 'Basic ZGVsZXRlcjpzZWNyZXQ=' } };

/** Returns how the clears and markings of the cache went so far, as `<kind> <outcome>`. */
export function clearsOf({ log }: Edge): string[] {
  return log.flatMap((line) => {
    const { kind, outcome } = JSON.parse(line) as Record<string, string>;
    return kind === 'clear' || kind === 'markDeleting' ? [`${kind} ${outcome}`] : [];
  });
}
