import { delimiter, join } from 'node:path';
import { find as findTested, isExecutable, type Tool as TestedTool } from '../e2e/support/tools.ts';

/** What a row may need beside the project's own packages, by the name of its command. */
export type Tool = TestedTool | 'hey' | 'nginx';

/** Where a tool is; Debian has nginx where only root looks. */
export function find(tool: Tool): string | undefined {
  if (tool !== 'hey' && tool !== 'nginx') return findTested(tool);
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, tool)).find(isExecutable);
}
