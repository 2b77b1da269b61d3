import type { Content } from './contents.ts';
import { type Answer, request } from './http.ts';
import type { Reference } from './pusher.ts';

/** PUT of a manifest, with the Content-Type and Content-Length that it has. */
export function putManifest(
  { url, name, reference }: Reference,
  { manifest, mediaType }: Pick<Content, 'manifest' | 'mediaType'>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const about = { 'content-type': mediaType, 'content-length': String(manifest.bytes.length) };
  const path = `${url}/v2/${name}/manifests/${reference}`;
  return request('PUT', path, { headers: { ...headers, ...about }, body: manifest.bytes });
}
