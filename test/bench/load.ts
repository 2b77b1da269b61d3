import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findTool } from './tools.ts';

export interface Load {
  readonly seconds: number;
  /** The number of connections, each of which sends one request at a time. */
  readonly connections: number;
  /** The most requests a second, over all connections; by default as many as possible. */
  readonly perSecond?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly responses: number;
  readonly perSecond: number;
  /** Rounded by hey to a tenth of a millisecond. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Sends HEADs for some seconds with hey, which does not wait for the body that a HEAD's Content-Length announces.
 * @throws Error a request failed, an answer was not 200, or there was no answer
 */
export async function load(url: string, { seconds, connections, perSecond, headers = {} }: Load): Promise<LoadResult> {
  // hey's limit is that of one connection.
  const rate = perSecond === undefined ? [] : ['-q', String(perSecond / connections)];
  const headerOptions = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const args = ['-z', `${seconds}s`, '-c', String(connections), ...rate, '-m', 'HEAD', ...headerOptions, url];
  const { stdout } = await promisify(execFile)(findTool('hey') ?? 'hey', args);
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
