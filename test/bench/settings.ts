import { fileURLToPath } from 'node:url';
import { inProject } from '../e2e/support/project.ts';

/** How long everything is measured. */
export interface Settings {
  readonly rounds: number;
  /** Of load on one server in one round. */
  readonly seconds: number;
}

/** The edge as it is deployed. */
export const BUNDLE = inProject('dist/index.js');
/** Connections of a run that finds out how much a server can take. */
export const CONNECTIONS = 32;

/** The path of a handler that the edge is compared with. */
export function bare(name: string): string {
  return fileURLToPath(new URL(`bare/${name}`, import.meta.url));
}
