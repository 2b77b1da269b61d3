import { fileURLToPath } from 'node:url';
import { inProject } from '../e2e/support/project.ts';

/** How long each row is measured. */
export interface Settings {
  readonly rounds: number;
  /** The duration of the load on one server in one round. */
  readonly seconds: number;
}

/** The path of the edge as it is deployed. */
export const BUNDLE = inProject('dist/index.js');
/** The number of connections of a load at full speed. */
export const CONNECTIONS = 32;

/** The path of a bare handler, with which the edge is compared. */
export function barePath(name: string): string {
  return fileURLToPath(new URL(`bare/${name}`, import.meta.url));
}
