import type { Outcome } from '../command.ts';
import type { Image } from '../image.ts';
import type { Session } from './client.ts';

/** A client on one side, with its images and repositories. */
export interface Traveller {
  readonly session: Session;
  /** What precedes the names of its repositories, and their tags: `host/client`. */
  readonly prefix: string;
  readonly image: Image;
  /** The same image with one more layer. */
  readonly grown: Image;
}

/** What people do with a registry. */
export interface Journey {
  readonly name: string;
  /** Whether blobs are named that the registry has, and that the cache should know. */
  readonly isAgain: boolean;
  go(traveller: Traveller): Promise<Outcome>;
}

const pull = ({ session, prefix }: Traveller) => session.pull(`${prefix}/app:v1`);

const FIRST_PUSH: Journey = {
  name: 'first push',
  isAgain: false,
  go: ({ session, prefix, image }) => session.push(image, `${prefix}/app:v1`),
};
const AGAIN: Journey = { ...FIRST_PUSH, name: 'push again', isAgain: true };
const RETAG: Journey = {
  name: 'retag',
  isAgain: true,
  go: ({ session, prefix, image }) => session.retag(image, `${prefix}/app:v1`, `${prefix}/app:v3`),
};

/** In the order in which each client makes them, within `PUSH_EXISTENCE_TTL`. */
export const JOURNEYS: readonly Journey[] = [
  FIRST_PUSH,
  AGAIN,
  {
    name: 'one new layer',
    isAgain: true,
    go: ({ session, prefix, grown }) => session.push(grown, `${prefix}/app:v2`),
  },
  { name: 'pull', isAgain: false, go: pull },
  { name: 'second pull', isAgain: false, go: pull },
  RETAG,
  {
    name: 'copy',
    isAgain: false,
    go: ({ session, prefix, image }) => session.copy(image, `${prefix}/app:v1`, `${prefix}/copy:v1`),
  },
];

/** What has to precede them: not counted. */
export const BEFORE_LATE = FIRST_PUSH;
/** Made when what the edge knows is older than `PUSH_EXISTENCE_TTL`. Without the edge, they cost what `as` costs. */
export const LATE_JOURNEYS: readonly (Journey & { readonly as: string })[] = [
  { ...AGAIN, name: 'push again, late', as: AGAIN.name },
  { ...RETAG, name: 'retag, late', as: RETAG.name },
];
