import { OCI } from './contents.ts';
import type { Edge } from './edge.ts';
import { head } from './http.ts';
import type { Image } from './image.ts';
import { until } from './until.ts';

export interface Told {
  readonly status: number;
  /** Whether the edge answered without the origin. */
  readonly isHit: boolean;
}

/** A HEAD of content, of one of these media types if it is a manifest. */
export async function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Told> {
  const { status, headers: told } = await head(url, { accept: `${OCI.manifest}, ${OCI.index}`, ...headers });
  return { status, isHit: told['cache-status']?.startsWith('registry-edge; hit;') ?? false };
}

export const HIT: Told = { status: 200, isHit: true };
/** Asked of the origin, which has it not. */
export const GONE: Told = { status: 404, isHit: false };

/** Where an image's blobs are, and its manifest by digest. */
export function pathsOf(name: string, { manifest, config, layers }: Image): string[] {
  const blobs = [config, ...layers].map(({ digest }) => `/v2/${name}/blobs/${digest}`);
  return [...blobs, `/v2/${name}/manifests/${manifest.digest}`];
}

/** Asks for each until the edge answers without the origin. */
export async function warm(
  { url }: Edge,
  paths: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const path of paths) await until(`a hit of ${path}`, async () => (await ask(url + path, headers)).isHit);
}
