import type { EdgeOptions } from './edge.ts';
import { ALL_STORES, type EdgeOnStore, STORES } from './stores.ts';

/** A row for `describe.each`: the name of a store, and the variables and options of an edge that uses it. */
export type EdgeRow = [store: string, variables: Record<string, string>, options: EdgeOptions];

const rowsOf = (name: string, edge: EdgeOnStore | undefined): EdgeRow[] =>
  edge ? [[name, edge.variables, edge.options]] : [];

/** Stores that fail at once, whatever the request. */
export const FAILING_STORES: EdgeRow[] = ALL_STORES.flatMap(({ name, failing }) => rowsOf(name, failing));

/** Stores whose writes arrive, but later than the edge waits for. */
export function slowStores(): EdgeRow[] {
  return STORES.flatMap(({ name, slow }) => rowsOf(name, slow?.()));
}
