import { temporaryFolder } from '../cleanup.ts';
import { type Outcome, runClient } from '../command.ts';
import { archiveOf, idOf } from './archive.ts';
import { type Client, type Login, type Session, succeeded } from './client.ts';

export type Podman = (...args: string[]) => Promise<Outcome>;

/** podman, which has no daemon. Its push compresses the layers anew, as docker's does. */
export const podman: Client = {
  name: 'podman',
  tools: ['podman', 'skopeo'],
  async open(login: Login): Promise<Session> {
    const pushing = await newPodman(login);
    let pulling = pushing;
    const push = (id: string, to: string) => pushing('push', '--tls-verify=false', id, `docker://${to}`);
    return {
      load: async (image) => void succeeded(await pushing('load', '--input', await archiveOf(image, 'docker'))),
      push: (image, to) => push(idOf(image), to),
      async pull(from) {
        pulling = await newPodman(login);
        return pulling('pull', '--tls-verify=false', from);
      },
      holds: async (image) => (await pulling('image', 'exists', idOf(image))).code === 0,
      // podman has no copy: it pushes again, and mounts what it knows to be in the other repository.
      copy: (image, _from, to) => push(idOf(image), to),
      retag: (image, _from, to) => push(idOf(image), to),
    };
  },
};

/** Prepares an empty storage. */
export async function newPodman({ env, limitMs }: Login): Promise<Podman> {
  const folder = await temporaryFolder();
  const roots = ['--root', `${folder}/root`, '--runroot', `${folder}/run`, '--tmpdir', `${folder}/tmp`];
  const options = [...roots, '--storage-driver=vfs', '--cgroup-manager=cgroupfs', '--events-backend=file'];
  return (...args) => runClient('podman', [...options, ...args], env, limitMs);
}
