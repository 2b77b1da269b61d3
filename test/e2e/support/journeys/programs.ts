import { join } from 'node:path';
import { temporaryFolder } from '../cleanup.ts';
import { type Outcome, runClient } from '../command.ts';
import type { Image } from '../image.ts';
import { LAYOUT_TAG } from '../layout.ts';
import type { Client, Login, Session } from './client.ts';

/** Clients of which nothing is left after each command. */

const NOTHING_TO_LOAD = { load: async () => undefined };
const newFolder = async () => join(await temporaryFolder(), 'pulled');
const layoutOf = ({ folder }: Image) => `${folder}:${LAYOUT_TAG}`;

export const skopeo: Client = {
  name: 'skopeo',
  tools: ['skopeo'],
  async open({ env, limitMs }: Login): Promise<Session> {
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    const copy = (from: string, to: string): Promise<Outcome> =>
      runClient('skopeo', ['--insecure-policy', 'copy', ...plain, from, to], env, limitMs);
    return {
      ...NOTHING_TO_LOAD,
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
    const crane = (command: string, ...args: string[]) =>
      runClient('crane', [command, '--insecure', ...args], env, limitMs);
    return {
      ...NOTHING_TO_LOAD,
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
    const copy = (...args: string[]) => runClient('oras', ['cp', '--no-tty', ...args], env, limitMs);
    return {
      ...NOTHING_TO_LOAD,
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
    function copy(registry: string, from: string, to: string): Promise<Outcome> {
      const plain = ['--host', `reg=${registry.split('/')[0]},tls=disabled`];
      return runClient('regctl', [...plain, 'image', 'copy', from, to], env, limitMs);
    }
    return {
      ...NOTHING_TO_LOAD,
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
