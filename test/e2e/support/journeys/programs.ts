import { join } from 'node:path';
import { temporaryFolder } from '../cleanup.ts';
import { type Outcome, runClient } from '../command.ts';
import type { Image } from '../image.ts';
import { LAYOUT_TAG } from '../layout.ts';
import { pulledTreeOf, treeOf } from '../tree.ts';
import type { Client, Login, Session } from './client.ts';

/** Clients of which nothing is left after each command. */

/** What each of them does in its own folders: it loads nothing, and pulls into a new one. */
function folders() {
  let last = '';
  return {
    load: async () => undefined,
    async newFolder() {
      last = join(await temporaryFolder(), 'pulled');
      return last;
    },
    async holds(image: Image) {
      const hashes = Object.values(await treeOf(last));
      return Object.values(pulledTreeOf(image)).every((hash) => hashes.includes(hash));
    },
  };
}

const layoutOf = ({ folder }: Image) => `${folder}:${LAYOUT_TAG}`;

export const skopeo: Client = {
  name: 'skopeo',
  tools: ['skopeo'],
  async open({ env, limitMs }: Login): Promise<Session> {
    const { newFolder, ...own } = folders();
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    const copy = (from: string, to: string): Promise<Outcome> =>
      runClient('skopeo', ['--insecure-policy', 'copy', ...plain, from, to], env, limitMs);
    return {
      ...own,
      push: ({ source }, to) => copy(source, `docker://${to}`),
      pull: async (from) => copy(`docker://${from}`, `dir:${await newFolder()}`),
      copy: (_image, from, to) => copy(`docker://${from}`, `docker://${to}`),
      retag: (_image, from, to) => copy(`docker://${from}`, `docker://${to}`),
    };
  },
};

export const crane: Client = {
  name: 'crane',
  tools: ['crane'],
  async open({ env, limitMs }: Login): Promise<Session> {
    const { newFolder, ...own } = folders();
    const crane = (command: string, ...args: string[]) =>
      runClient('crane', [command, '--insecure', ...args], env, limitMs);
    return {
      ...own,
      push: ({ folder }, to) => crane('push', folder, to),
      pull: async (from) => crane('pull', '--format=oci', from, await newFolder()),
      copy: (_image, from, to) => crane('copy', from, to),
      retag: (_image, from, to) => crane('tag', from, tagOf(to)),
    };
  },
};

const oras: Client = {
  name: 'oras',
  tools: ['oras'],
  async open({ env, limitMs }: Login): Promise<Session> {
    const { newFolder, ...own } = folders();
    const copy = (...args: string[]) => runClient('oras', ['cp', '--no-tty', ...args], env, limitMs);
    return {
      ...own,
      push: (image, to) => copy('--to-plain-http', '--from-oci-layout', layoutOf(image), to),
      pull: async (from) => copy('--from-plain-http', '--to-oci-layout', from, `${await newFolder()}:${LAYOUT_TAG}`),
      copy: (_image, from, to) => copy('--from-plain-http', '--to-plain-http', from, to),
      retag: (_image, from, to) => runClient('oras', ['tag', '--plain-http', from, tagOf(to)], env, limitMs),
    };
  },
};

const regctl: Client = {
  name: 'regctl',
  tools: ['regctl'],
  async open({ env, limitMs }: Login): Promise<Session> {
    const { newFolder, ...own } = folders();
    function copy(registry: string, from: string, to: string): Promise<Outcome> {
      const plain = ['--host', `reg=${registry.split('/')[0]},tls=disabled`];
      return runClient('regctl', [...plain, 'image', 'copy', from, to], env, limitMs);
    }
    return {
      ...own,
      push: (image, to) => copy(to, `ocidir://${layoutOf(image)}`, to),
      pull: async (from) => copy(from, from, `ocidir://${await newFolder()}:${LAYOUT_TAG}`),
      copy: (_image, from, to) => copy(to, from, to),
      retag: (_image, from, to) => copy(to, from, to),
    };
  },
};

export const PROGRAMS: readonly Client[] = [skopeo, crane, oras, regctl];

function tagOf(reference: string): string {
  return reference.slice(reference.lastIndexOf(':') + 1);
}
