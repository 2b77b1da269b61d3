import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { type Outcome, runClient } from './command.ts';
import { skopeo as runSkopeo } from './skopeo.ts';

export interface Pulled extends Outcome {
  /** Where all is that was pulled: each blob and manifest a file of its own, byte for byte. */
  readonly folder: string;
}

/** A registry client as people use it, over plain HTTP and with no login. */
export interface Client {
  readonly name: 'crane' | 'oras' | 'regctl' | 'skopeo';
  /**
   * Pulls into a new folder.
   * @param reference with tag or digest
   * @param platform the one to pull of an index, such as `linux/arm64`; without it, all
   */
  pull(reference: string, platform?: string): Promise<Pulled>;
  /** Lists what has this as its subject, as JSON, where the client has a command for that. */
  referrers?(reference: string): Promise<Outcome>;
}

/** The tag in a local folder, which names what was pulled there. */
const LOCAL = 'pulled';

export const skopeo: Client = {
  name: 'skopeo',
  pull: (reference, platform) =>
    into((folder) => {
      const [os = '', architecture = ''] = platform?.split('/') ?? [];
      const chosen = platform ? ['--override-os', os, '--override-arch', architecture] : [];
      const all = platform ? [] : ['--all'];
      return runSkopeo(...chosen, 'copy', '--src-tls-verify=false', ...all, `docker://${reference}`, `dir:${folder}`);
    }),
};

export const crane: Client = {
  name: 'crane',
  pull: (reference, platform) =>
    into((folder) => runClient('crane', ['pull', '--insecure', '--format=oci', ...only(platform), reference, folder])),
};

export const oras: Client = {
  name: 'oras',
  pull: (reference, platform) =>
    into((folder) => {
      const target = ['--to-oci-layout', `${folder}:${LOCAL}`];
      return runClient('oras', ['cp', '--from-plain-http', '--no-tty', ...only(platform), reference, ...target]);
    }),
  referrers: (reference) => runClient('oras', ['discover', '--plain-http', '--format=json', reference]),
};

export const regctl: Client = {
  name: 'regctl',
  pull: (reference, platform) =>
    into((folder) =>
      runRegctl(reference, 'image', 'copy', ...only(platform), reference, `ocidir://${folder}:${LOCAL}`),
    ),
  referrers: (reference) => runRegctl(reference, 'artifact', 'list', '--format=body', reference),
};

export const CLIENTS: readonly Client[] = [skopeo, crane, oras, regctl];

async function into(pull: (folder: string) => Promise<Outcome>): Promise<Pulled> {
  const folder = join(await temporaryFolder(), 'pulled');
  return { ...(await pull(folder)), folder };
}

function only(platform: string | undefined): string[] {
  return platform ? ['--platform', platform] : [];
}

function runRegctl(reference: string, ...args: string[]): Promise<Outcome> {
  const [host] = reference.split('/');
  return runClient('regctl', ['--host', `reg=${host},tls=disabled`, ...args]);
}
