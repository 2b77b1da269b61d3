import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../cleanup.ts';
import { type Outcome, runClient } from '../command.ts';
import type { Image } from '../image.ts';
import { LAYOUT_TAG } from '../layout.ts';
import { run } from '../process.ts';
import { findTool } from '../tools.ts';
import { until } from '../until.ts';
import { archiveOf, idOf } from './archive.ts';
import { type Client, type Login, type Session, succeeded } from './client.ts';

export type Ctr = (...args: string[]) => Promise<Outcome>;

/** containerd 1.6, by its command `ctr`. */
export const containerd: Client = {
  name: 'containerd',
  tools: ['containerd', 'ctr', 'skopeo'],
  async open({ creds, limitMs }: Login): Promise<Session> {
    const [pushing, options] = [await startContainerd(limitMs), ['--plain-http', ...(creds ? ['--user', creds] : [])]];
    const push = (ctr: Ctr, to: string, local: string) => ctr('images', 'push', ...options, to, local);
    /** The containerd that pulled last, which knows from where its blobs are. */
    let pulling = pushing;
    return {
      async load(image) {
        const file = await archiveOf(image, 'oci');
        succeeded(await pushing('images', 'import', '--no-unpack', '--base-name', baseNameOf(image), file));
      },
      push: (image, to) => push(pushing, to, nameOf(image)),
      async pull(from) {
        pulling = await startContainerd(limitMs);
        return pulling('images', 'pull', '--snapshotter', 'native', ...options, from);
      },
      async holds({ manifest, config, layers }) {
        const { output } = await pulling('content', 'ls', '--quiet');
        return [manifest, config, ...layers].every(({ digest }) => output.includes(digest));
      },
      // ctr has no copy: it pushes what it pulled, and mounts it from there.
      copy: (_image, from, to) => push(pulling, to, from),
      retag: (image, _from, to) => push(pushing, to, nameOf(image)),
    };
  },
};

function nameOf(image: Image): string {
  return `${baseNameOf(image)}:${LAYOUT_TAG}`;
}

/** Starts a daemon with a storage of its own, without what only Kubernetes needs. */
export async function startContainerd(limitMs?: number): Promise<Ctr> {
  const folder = await temporaryFolder();
  const config = join(folder, 'config.toml');
  await writeFile(config, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
  const socket = `${folder}/socket`;
  const roots = ['--root', `${folder}/root`, '--state', `${folder}/state`, '--address', socket];
  run(findTool('containerd') ?? 'containerd', ['--config', config, ...roots]);
  const command: Ctr = (...args) => runClient('ctr', ['--address', socket, ...args], {}, limitMs);
  await until('containerd answers', async () => (await command('version')).code === 0);
  return command;
}

function baseNameOf(image: Image): string {
  return `local/${idOf(image)}`;
}
