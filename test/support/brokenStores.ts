import type { EdgeOptions } from './edge.ts';
import { ALL_STORES, type EdgeOnStore, STORES } from './stores.ts';

/** An edge before a store: the name of the store, the edge's variables, and its other options. */
export type Store = [store: string, variables: Record<string, string>, options: EdgeOptions];

const rowsOf = (name: string, edge: EdgeOnStore | undefined): Store[] =>
  edge ? [[name, edge.variables, edge.options]] : [];

/** Stores that fail at once, whatever the request. */
export const DOWN: Store[] = ALL_STORES.flatMap(({ name, failing }) => rowsOf(name, failing));

/** Stores whose writes arrive, but later than the edge waits for. */
export function slowStores(): Store[] {
  return STORES.flatMap(({ name, slow }) => rowsOf(name, slow?.()));
}
