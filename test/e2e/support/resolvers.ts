import { expect } from 'vitest';
import { ACCEPTS } from './accepts.ts';
import { CLIENTS } from './clients.ts';
import { SUCCESS } from './command.ts';
import type { Content } from './contents.ts';
import { request } from './http.ts';
import { pulledTree } from './tree.ts';

/** A client that resolves a tag. */
export interface Resolver {
  readonly name: string;
  /** @returns the digest of the manifest that it gets */
  resolve(registry: { readonly url: string; readonly host: string }, tag: string): Promise<string | undefined>;
}

/**
 * Returns what resolves the tags of a repository: pulls with every client, and the HEADs with which docker and
 * containerd begin one.
 * @param contents to which a tag may lead, all of one media type
 */
export function resolversOf(name: string, contents: readonly [Content, ...Content[]]): readonly Resolver[] {
  const pulls = CLIENTS.map((client): Resolver => {
    async function resolve({ host }: { host: string }, tag: string): Promise<string | undefined> {
      const pulled = await client.pull(`${host}/${name}:${tag}`);
      expect(pulled).toMatchObject(SUCCESS);
      const hashes = Object.values(await pulledTree(pulled.folder)).map((hash) => `sha256:${hash}`);
      return contents.map(({ manifest }) => manifest.digest).find((digest) => hashes.includes(digest));
    }
    return { name: `a pull with ${client.name}`, resolve };
  });
  const heads = ['docker', 'containerd, resolving'].map((client): Resolver => {
    const accept = ACCEPTS.find((set) => set.client === client)?.accept(contents[0].mediaType) ?? [];
    async function resolve({ url }: { url: string }, tag: string): Promise<string | undefined> {
      const { headers } = await request('HEAD', `${url}/v2/${name}/manifests/${tag}`, { headers: { accept } });
      return headers['docker-content-digest'];
    }
    return { name: `a HEAD of ${client}`, resolve };
  });
  return [...pulls, ...heads];
}
