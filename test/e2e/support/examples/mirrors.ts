import { crane } from '../clients.ts';
import { image } from '../contents.ts';
import { request } from '../http.ts';
import { type Hub, type HubOptions, startHub } from '../hubs/hub.ts';
import { startRecordingServer } from '../hubs/recording.ts';
import { BYTES, type Side } from './side.ts';

const LATEST = image('a public image');

const ADMIN_TOKEN = 'token-of-the-operators';

/** Starts what a mirror of Docker Hub has around it. */
export async function startHubSide(): Promise<Side> {
  return sideOf(await startHub({ contents: { 'library/busybox': LATEST } }), 'busybox');
}

/** Starts the same for a mirror that has operators. */
export async function startOperatedSide(): Promise<Side> {
  const side = await startHubSide();
  return { ...side, replaced: { ...side.replaced, ADMIN_TOKEN } };
}

/** Starts the same for a mirror that keeps all bytes, whose operators have it fetch an image before it is pulled. */
export async function startArchiveSide(): Promise<Side> {
  const { again: _nothing, ...side } = await startOperatedSide();
  const warmed = { body: JSON.stringify({ images: ['library/busybox:latest'], platforms: [] }) };
  return {
    ...side,
    async use(host) {
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
      const { status, body } = await request('POST', `http://${host}/_edge/warm`, { headers, ...warmed });
      return status === 200 ? side.use(host) : { code: 1, output: `warming: ${status} ${body}` };
    },
  };
}

/** Starts a registry that has its token server on its own host. */
export function startOwnRealm(realmPath: string): () => Promise<Side> {
  return async () => sideOf(await startPublicHub({ realmPath }), 'example/app');
}

/** Starts a registry that gives nothing itself, and redirects all questions to one that is open. */
export async function startRedirector(): Promise<Side> {
  const hub = await startPublicHub({ isOpen: () => true });
  const registry = await startRecordingServer(({ path }, response) =>
    response.writeHead(307, { location: hub.registry.url + path }).end(),
  );
  return {
    ...sideOf(hub, 'example/app'),
    replaced: { ORIGIN_URL: registry.url },
    servers: [registry, hub.registry],
  };
}

export function startPublicHub(options: Omit<HubOptions, 'contents'>): Promise<Hub> {
  return startHub({ contents: { 'example/app': LATEST }, ...options });
}

function sideOf({ registry, tokenServer, variables }: Hub, name: string): Side {
  const hasOwnRealm = tokenServer === registry;
  return {
    replaced: {
      ORIGIN_URL: registry.url,
      ...(!hasOwnRealm && { TOKEN_REALMS_ALLOWED: variables.TOKEN_REALMS_ALLOWED ?? '' }),
    },
    servers: hasOwnRealm ? [registry] : [registry, tokenServer],
    use: (host) => crane.pull(`${host}/${name}:latest`),
    again: BYTES,
  };
}
