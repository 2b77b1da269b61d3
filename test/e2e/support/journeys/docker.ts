import { temporaryFolder } from '../cleanup.ts';
import { type Outcome, runClient } from '../command.ts';
import { run } from '../process.ts';
import { findTool } from '../tools.ts';
import { until } from '../until.ts';
import { archiveOf, idOf } from './archive.ts';
import { type Client, type Login, type Session, succeeded } from './client.ts';

export type Docker = (...args: string[]) => Promise<Outcome>;

/** docker 20.10. A push compresses the layers anew, so the registry's digests are not those of the image on disk. */
export const docker: Client = {
  name: 'docker',
  tools: ['docker', 'dockerd', 'skopeo'],
  async open(login: Login): Promise<Session> {
    const pushing = await startDocker(login);
    let pulling = pushing;
    async function push(id: string, to: string): Promise<Outcome> {
      succeeded(await pushing('tag', id, to));
      return pushing('push', to);
    }
    return {
      load: async (image) => void succeeded(await pushing('load', '--input', await archiveOf(image, 'docker'))),
      push: (image, to) => push(idOf(image), to),
      async pull(from) {
        pulling = await startDocker(login);
        return pulling('pull', from);
      },
      holds: async (image) => (await pulling('image', 'inspect', idOf(image))).code === 0,
      // docker has no copy: it pushes again, and mounts what it knows to be in the other repository.
      copy: (image, _from, to) => push(idOf(image), to),
      retag: (image, _from, to) => push(idOf(image), to),
    };
  },
};

/** Starts a daemon with a storage of its own, without network and firewall rules. @param options further ones */
export async function startDocker({ env, limitMs }: Login, options: readonly string[] = []): Promise<Docker> {
  const folder = await temporaryFolder();
  const socket = `unix://${folder}/socket`;
  const roots = ['--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`, '--pidfile', `${folder}/pid`];
  const bare = ['--storage-driver=vfs', '--iptables=false', '--ip6tables=false', '--bridge=none'];
  run(findTool('dockerd') ?? 'dockerd', ['--host', socket, ...roots, ...bare, ...options]);
  const command: Docker = (...args) => runClient('docker', ['--host', socket, ...args], env, limitMs);
  await until('dockerd answers', async () => (await command('version')).code === 0);
  return command;
}
