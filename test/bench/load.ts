import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { find } from './tools.ts';

export interface Load {
  readonly seconds: number;
  /** As fast as so many connections can, each with one request at a time. */
  readonly connections: number;
  /** At most so many requests a second, over all connections; without it, as many as there can be. */
  readonly perSecond?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly responses: number;
  readonly perSecond: number;
  /** To a tenth of a millisecond, which is all that hey tells. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Sends HEADs for some seconds with hey, which does not wait for the body that a HEAD's Content-Length announces.
 * @throws Error any request failed, any answer was not 200, or none came
 */
export async function load(url: string, { seconds, connections, perSecond, headers = {} }: Load): Promise<LoadResult> {
  // hey limits the rate of each connection.
  const rate = perSecond === undefined ? [] : ['-q', String(perSecond / connections)];
  const named = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const args = ['-z', `${seconds}s`, '-c', String(connections), ...rate, '-m', 'HEAD', ...named, url];
  const { stdout } = await promisify(execFile)(find('hey') ?? 'hey', args);
  return parseSummary(stdout);
}

function parseSummary(summary: string): LoadResult {
  const statuses = [...summary.matchAll(/^\s*\[(\d+)\]\s+(\d+) responses$/gm)];
  const [only] = statuses;
  if (!only || statuses.length > 1 || only[1] !== '200' || summary.includes('Error distribution')) {
    throw new Error(`not every answer was 200:\n${summary.slice(summary.indexOf('Status code distribution'))}`);
  }
  const numberAfter = (pattern: RegExp) => {
    const text = pattern.exec(summary)?.[1];
    if (text === undefined) throw new Error(`hey printed no ${pattern}:\n${summary}`);
    return Number(text);
  };
  return {
    responses: Number(only[2]),
    perSecond: numberAfter(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: 1_000 * numberAfter(/^\s*50%+ in ([\d.]+) secs/m),
    p99Ms: 1_000 * numberAfter(/^\s*99%+ in ([\d.]+) secs/m),
  };
}
