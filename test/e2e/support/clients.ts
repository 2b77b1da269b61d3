import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { type Outcome, runClient } from './command.ts';
import { skopeo as runSkopeo } from './skopeo.ts';

export interface Pulled extends Outcome {
  /** Holds each blob and manifest that was pulled as a file of its own, byte for byte. */
  readonly folder: string;
}

/** A registry client that people use, over plain HTTP and with no login. */
export interface Client {
  readonly name: 'crane' | 'oras' | 'regctl' | 'skopeo';
  /**
   * Pulls into a new folder.
   * @param reference with tag or digest
   * @param platform the only one to pull of an index, such as `linux/arm64`; by default all
   */
  pull(reference: string, platform?: string): Promise<Pulled>;
  /** Lists the referrers as JSON; absent where the client has no command for that. */
  referrers?(reference: string): Promise<Outcome>;
}

/** The tag under which a client stores what it pulled in a local OCI layout. */
const LOCAL_TAG = 'pulled';

export const skopeo: Client = {
  name: 'skopeo',
  pull: (reference, platform) =>
    pullInto((folder) => {
      const [os = '', architecture = ''] = platform?.split('/') ?? [];
      const override = platform ? ['--override-os', os, '--override-arch', architecture] : [];
      const all = platform ? [] : ['--all'];
      return runSkopeo(...override, 'copy', '--src-tls-verify=false', ...all, `docker://${reference}`, `dir:${folder}`);
    }),
};

export const crane: Client = {
  name: 'crane',
  pull: (reference, platform) =>
    pullInto((folder) =>
      runClient('crane', ['pull', '--insecure', '--format=oci', ...platformOption(platform), reference, folder]),
    ),
};

export const oras: Client = {
  name: 'oras',
  pull: (reference, platform) =>
    pullInto((folder) => {
      const target = ['--to-oci-layout', `${folder}:${LOCAL_TAG}`];
      return runClient('oras', [
        'cp',
        '--from-plain-http',
        '--no-tty',
        ...platformOption(platform),
        reference,
        ...target,
      ]);
    }),
  referrers: (reference) => runClient('oras', ['discover', '--plain-http', '--format=json', reference]),
};

export const regctl: Client = {
  name: 'regctl',
  pull: (reference, platform) =>
    pullInto((folder) =>
      runRegctl(reference, 'image', 'copy', ...platformOption(platform), reference, `ocidir://${folder}:${LOCAL_TAG}`),
    ),
  referrers: (reference) => runRegctl(reference, 'artifact', 'list', '--format=body', reference),
};

export const CLIENTS: readonly Client[] = [skopeo, crane, oras, regctl];

async function pullInto(pull: (folder: string) => Promise<Outcome>): Promise<Pulled> {
  const folder = join(await temporaryFolder(), 'pulled');
  return { ...(await pull(folder)), folder };
}

function platformOption(platform: string | undefined): string[] {
  return platform ? ['--platform', platform] : [];
}

/** Runs regctl with plain HTTP for the registry that a reference names. */
export function runRegctl(reference: string, ...args: string[]): Promise<Outcome> {
  const [host] = reference.split('/');
  return runClient('regctl', ['--host', `reg=${host},tls=disabled`, ...args]);
}
