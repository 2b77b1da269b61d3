import { crane } from '../clients.ts';
import { image as contentOf, publish } from '../contents.ts';
import { head } from '../http.ts';
import { startHub } from '../hubs/hub.ts';
import { makeImage } from '../image.ts';
import { startRecordingProxy } from '../recordingProxy.ts';
import { startRedis } from '../redis.ts';
import { startRegistry, USER_HEADERS } from '../registry.ts';
import { expectPush, push } from '../skopeo.ts';
import { startPublicHub } from './mirrors.ts';
import { BYTES, type Side } from './side.ts';

/** Starts two public registries and one of a company, which a client asks one after the other. */
export async function startSeveralSide(): Promise<Side> {
  const hub = await startHub({ contents: { 'library/busybox': contentOf('several') } });
  const ghcr = await startPublicHub({ realmPath: '/token' });
  const registry = await startRegistry({ kind: 'registry', quiet: true });
  const own = contentOf('of a company');
  await publish(registry.url, 'team/app', own, 'v1');
  const company = await startRecordingProxy(
    registry.url,
    ({ headers }) => headers.authorization === USER_HEADERS.authorization,
  );
  return {
    replaced: {
      'UPSTREAMS.hub.ORIGIN_URL': hub.registry.url,
      'UPSTREAMS.hub.TOKEN_REALMS_ALLOWED': hub.variables.TOKEN_REALMS_ALLOWED ?? '',
      'UPSTREAMS.ghcr.ORIGIN_URL': ghcr.registry.url,
      'UPSTREAMS.company.ORIGIN_URL': company.url,
      COMPANY_EVENTS_TOKEN: 'token-of-the-events',
    },
    servers: [hub.registry, hub.tokenServer, ghcr.registry, company],
    async use(host) {
      const pulled = [
        await crane.pull(`${host}/hub/busybox:latest`),
        await crane.pull(`${host}/ghcr/example/app:latest`),
      ];
      const path = `/v2/team/app/blobs/${own.blobs[0]?.digest}`;
      const { status } = await head(`http://${host}${path}`, { host: 'registry.example.com', ...USER_HEADERS });
      const output = [...pulled.map((each) => each.output), `HEAD ${path}: ${status}`].join('\n');
      return { code: pulled.every(({ code }) => code === 0) && status === 200 ? 0 : 1, output };
    },
    again: BYTES,
  };
}

/** Starts a registry with its Redis, to which a client pushes. */
export async function startSharedRedisSide(): Promise<Side> {
  const redis = await startRedis();
  const registry = await startRegistry({ kind: 'registry', quiet: true, redis });
  const image = await makeImage('known to the registry', [20_000, 300_000]);
  await expectPush(image, `${registry.host}/team/app:v1`);
  const origin = await startRecordingProxy(registry.url);
  return {
    replaced: { ORIGIN_URL: origin.url, ...redis.variables },
    servers: [origin],
    use: (host) => push(image.source, `${host}/team/app:v1`),
    again: /^PUT \/v2\/team\/app\/manifests\/v1$/,
  };
}
