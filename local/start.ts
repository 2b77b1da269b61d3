import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../src/config/config.ts';
import { isLoopbackHost } from '../src/http/hosts.ts';
import { startEdge } from './edge.ts';
import { Content } from './origin/content.ts';
import { createRegistry } from './origin/registry.ts';
import { addSample, type Sample } from './origin/sample.ts';
import { readableLine } from './readable.ts';
import { fail, portFrom, serveLocally, stopOnSignal } from './serve.ts';

const STATE = fileURLToPath(new URL('../.registry-edge', import.meta.url));

/** `npm start`: the built Worker on this machine, in front of `ORIGIN_URL` or of an origin that comes with it. */
async function main(): Promise<void> {
  const hostname = process.env.HOST || '127.0.0.1';
  const port = portFrom(process.env.PORT, 8787);
  const embedded = process.env.ORIGIN_URL ? undefined : await startEmbeddedOrigin();
  const variables = { ...process.env, ...(embedded && { ORIGIN_URL: embedded.url }) };
  const config = parseConfig({ ...variables, DESCRIPTORS: 'simulated by miniflare' });
  if (leadsBack(config.originUrl, hostname, port)) {
    throw new Error(
      `ORIGIN_URL: ${config.originUrl.href} is where this edge listens; set it to the registry, or choose another PORT.`,
    );
  }
  const persistTo = await stateOf(embedded ? `embedded-${port}` : config.originUrl.href, {
    anew: embedded !== undefined,
  });
  const edge = await startEdge({
    hostname,
    port,
    variables,
    persistTo,
    log: (line) => console.log(readableLine(line)),
  });
  stopOnSignal(async () => {
    await edge.stop();
    await embedded?.close();
  });

  console.log(`registry-edge on ${edge.url}, in front of ${config.originUrl.href}`);
  console.log(`descriptors in ${config.backend.kind}, CLIENT_AUTH=${config.clientAuth}`);
  if (embedded) printTrials(edge.url, embedded.sample);
}

const ANY_ADDRESS = ['0.0.0.0', '::', '[::]'];

/** Whether an origin's address is for certain the one that the edge listens on; the rest is found out by its requests. */
function leadsBack(origin: URL, hostname: string, port: number): boolean {
  const originPort = Number(origin.port || (origin.protocol === 'https:' ? 443 : 80));
  const hosts = [hostname.includes(':') ? `[${hostname.replace(/[[\]]/g, '')}]` : hostname, origin.hostname];
  const areLoopback = hosts.every(isLoopbackHost);
  const isHere = hosts[0] === hosts[1] || (areLoopback && hosts.includes('localhost'));
  return originPort === port && (isHere || (ANY_ADDRESS.includes(hostname) && isLoopbackHost(origin.hostname)));
}

/** One folder for each origin: what one registry confirmed is not true of another, nor of an embedded one's next life. */
async function stateOf(origin: string, { anew }: { anew: boolean }): Promise<string> {
  const folder = join(STATE, encodeURIComponent(origin));
  if (anew) await rm(folder, { recursive: true, force: true });
  return folder;
}

async function startEmbeddedOrigin() {
  const content = new Content();
  const sample = addSample(content);
  const served = await serveLocally(createRegistry(content).fetch);
  return { ...served, sample };
}

function printTrials(url: string, { name, tag, digest }: Sample): void {
  const host = url.replace('http://', '');
  console.log(`the origin is embedded, in memory, and holds ${name}:${tag}

Try (the second HEAD is answered at the edge):
  curl -I ${url}/v2/${name}/blobs/${digest}
  curl -I ${url}/v2/${name}/blobs/${digest}
  skopeo copy --insecure-policy --src-tls-verify=false docker://${host}/${name}:${tag} dir:/tmp/hello
`);
}

main().catch(fail);
