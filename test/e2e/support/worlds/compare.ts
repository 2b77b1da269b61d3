import type { Reply } from './world.ts';

/** Something in which two answers differ. */
export interface Difference {
  /** `status`, `body`, or the name of a header in lower case. */
  readonly field: string;
  /** What the registry alone answered; `undefined` where it sent no such header. */
  readonly alone: string | undefined;
  /** What the edge answered. */
  readonly edge: string | undefined;
}

/** Headers of one connection, of the moment, and of the edge's own decisions. */
const NOT_COMPARED = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'date',
  'cache-status',
  'server-timing',
]);

/** Returns everything in which the answers differ: the status first, then the headers, then the body. */
export function differences(alone: Reply, edge: Reply): Difference[] {
  const names = [...new Set([...Object.keys(alone.headers), ...Object.keys(edge.headers)])].sort();
  const fields = names
    .filter((name) => !NOT_COMPARED.has(name))
    .map((name) => ({ field: name, alone: alone.headers[name], edge: edge.headers[name] }));
  const all = [
    { field: 'status', alone: String(alone.status), edge: String(edge.status) },
    ...fields,
    { field: 'body', alone: alone.body, edge: edge.body },
  ];
  return all.filter((each) => each.alone !== each.edge);
}

/** At most so many characters of a value are printed. */
const PRINTED = 400;

export function describeDifference({ field, alone, edge }: Difference): string {
  return `${field}: ${printed(alone)} alone, ${printed(edge)} through the edge`;
}

function printed(value: string | undefined): string {
  if (value === undefined) return 'nothing';
  return value.length > PRINTED
    ? `${JSON.stringify(value.slice(0, PRINTED))}… (${value.length})`
    : JSON.stringify(value);
}
