import type { IncomingHttpHeaders } from 'node:http';
import { OCI } from './contents.ts';
import { type Answer, head } from './http.ts';
import type { Image } from './image.ts';
import { until } from './until.ts';

export interface Result {
  readonly status: number;
  /** Whether the edge answered from the cache, without the origin. */
  readonly isHit: boolean;
}

/** Whether the edge answered from the cache, without the origin. */
export function isHit({ headers }: { readonly headers: Answer['headers'] | IncomingHttpHeaders }): boolean {
  return String(headers['cache-status'] ?? '').startsWith('registry-edge; hit');
}

/** Sends a HEAD that accepts OCI manifests and indexes. */
export async function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Result> {
  const answer = await head(url, { accept: `${OCI.manifest}, ${OCI.index}`, ...headers });
  return { status: answer.status, isHit: isHit(answer) };
}

export const HIT: Result = { status: 200, isHit: true };
/** The origin was asked, and does not have it. */
export const NOT_FOUND: Result = { status: 404, isHit: false };

/** The paths of an image's blobs, and of its manifest by digest. */
export function pathsOf(name: string, { manifest, config, layers }: Image): string[] {
  const blobs = [config, ...layers].map(({ digest }) => `/v2/${name}/blobs/${digest}`);
  return [...blobs, `/v2/${name}/manifests/${manifest.digest}`];
}

/** Asks for each path until the edge answers from the cache. */
export async function warm(
  { url }: { readonly url: string },
  paths: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const path of paths)
    await until(`the edge answers ${path} from the cache`, async () => (await ask(url + path, headers)).isHit);
}
