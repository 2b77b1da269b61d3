import { delimiter, join } from 'node:path';
import { findTool as findTestedTool, isExecutable, type Tool as TestedTool } from '../e2e/support/tools.ts';

/** The programs that a row may need in addition to the project's packages, by the names of their commands. */
export type Tool = TestedTool | 'hey' | 'nginx';

/** Finds a tool, also in `/usr/sbin`, where Debian installs nginx. */
export function findTool(tool: Tool): string | undefined {
  if (tool !== 'hey' && tool !== 'nginx') return findTestedTool(tool);
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, tool)).find(isExecutable);
}
