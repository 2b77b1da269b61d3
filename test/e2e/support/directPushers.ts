import { type Outcome, runClient } from './command.ts';
import type { Image } from './image.ts';
import { LAYOUT_TAG } from './layout.ts';
import { USER_CREDS } from './registry.ts';
import { push as pushWithSkopeo } from './skopeo.ts';

/** How a push ends: the origin has all of it, or the client prints an error. */
interface End {
  readonly what: string;
  /** The error that the client prints. */
  readonly error?: RegExp;
}
const ARRIVES: End = { what: 'arrives' };

/** A client that pushes through an edge with `UPLOAD_ORIGIN=direct`. */
export interface DirectPusher {
  readonly name: 'crane' | 'oras' | 'regctl' | 'skopeo';
  /** @param login the environment that holds the client's logins */
  push(image: Image, reference: string, login?: Record<string, string>): Promise<Outcome>;
  /** The ends at an open origin and at one that requires a login. A login at the origin's own host changes nothing. */
  readonly ends: { readonly open: End; readonly guarded: End };
}

const OTHER_HOST: End = {
  what: 'refuses to upload to another host',
  error: /blob upload Location "\S+" is on a different host than the registry "\S+"/,
};

export const DIRECT_PUSHERS: readonly DirectPusher[] = [
  {
    name: 'crane',
    push: (image, to, login) => runClient('crane', ['push', '--insecure', image.folder, to], login),
    ends: {
      open: ARRIVES,
      guarded: {
        what: 'sends no credentials to the other host, and the origin refuses',
        error: /^Error: PATCH http:\S+\/blobs\/uploads\/\S+: UNAUTHORIZED: authentication required/m,
      },
    },
  },
  {
    name: 'oras',
    push: (image, to, login) =>
      runClient('oras', ['cp', '--from-oci-layout', `${image.folder}:${LAYOUT_TAG}`, '--to-plain-http', to], login),
    ends: { open: OTHER_HOST, guarded: OTHER_HOST },
  },
  {
    name: 'regctl',
    push(image, to, login) {
      const plain = ['--host', `reg=${to.split('/')[0]},tls=disabled`];
      return runClient('regctl', [...plain, 'image', 'copy', `ocidir://${image.folder}:${LAYOUT_TAG}`, to], login);
    },
    ends: {
      open: ARRIVES,
      guarded: {
        what: 'sends no credentials to the other host, and the origin refuses',
        error: /^failed to send blob \(chunk\), ref \S+: http status: unauthorized \[http 401\]/m,
      },
    },
  },
  {
    name: 'skopeo',
    push: (image, to, login) => pushWithSkopeo(image.source, to, login && USER_CREDS),
    ends: { open: ARRIVES, guarded: ARRIVES },
  },
];
