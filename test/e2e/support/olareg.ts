import { freePort } from './port.ts';
import { run } from './process.ts';
import { isUp } from './registry.ts';
import { findTool } from './tools.ts';
import { until } from './until.ts';

/** It deletes, and accepts indexes whose images it lacks; its storage is its memory. */
const OPTIONS = ['--store-type', 'mem', '--api-delete', '--api-blob-delete', '--api-sparse-index'];

/**
 * Starts olareg, a registry that has all of the distribution specification 1.1, the referrers API too.
 * @returns its URL
 */
export async function startOlareg(): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  run(findTool('olareg') ?? 'olareg', ['serve', '--addr', '127.0.0.1', '--port', String(port), ...OPTIONS]);
  await until('olareg answers', () => isUp(`${url}/v2/`));
  return url;
}
