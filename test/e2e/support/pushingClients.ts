import type { Outcome } from './command.ts';
import { OCI } from './contents.ts';
import type { Image } from './image.ts';
import { ENGINES } from './journeys/engines.ts';
import { PUSHERS } from './pushers.ts';

/** A client with an image that it pushes. */
export interface PushingClient {
  readonly name: string;
  open(image: Image): Promise<(to: string) => Promise<Outcome>>;
}

export const PUSHING_CLIENTS: readonly PushingClient[] = [
  ...PUSHERS.map((pusher) => ({
    name: pusher.name,
    async open({ folder, manifest, config, layers }: Image) {
      const layout = { folder, manifest, mediaType: OCI.manifest, children: [], blobs: [config, ...layers] };
      return (to: string) => pusher.push(layout, to);
    },
  })),
  ...ENGINES.map((engine) => ({
    name: engine.name,
    async open(image: Image) {
      const session = await engine.open({ env: {} });
      await session.load(image);
      return (to: string) => session.push(image, to);
    },
  })),
];
/** What all of them need, and a registry. */
export const PUSHING_TOOLS = [
  ...ENGINES.flatMap(({ tools }) => tools),
  'crane',
  'oras',
  'regctl',
  'registry',
  'skopeo',
] as const;
