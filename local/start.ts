/// <reference path="./worker.d.ts" />
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BACKENDS } from '../src/assemble.ts';
import { parseConfig } from '../src/config/config.ts';
import { isLoopbackHost } from '../src/http/hosts.ts';
import { startIsolates } from './edge.ts';
import { Content } from './origin/content.ts';
import { createRegistry } from './origin/registry.ts';
import { addSample, type Sample } from './origin/sample.ts';
import { readableLine } from './readable.ts';
import { exitWithError, parsePort, serveLocally, stopOnSignal } from './serve.ts';

const STATE_FOLDER = fileURLToPath(new URL('../.registry-edge', import.meta.url));

/**
 * `npm start`: runs the built Worker on this machine, in front of `ORIGIN_URL`, of the registry that `PRESET` names, or
 * of an embedded origin.
 */
async function main(): Promise<void> {
  const hostname = process.env.HOST || '127.0.0.1';
  const port = parsePort(process.env.PORT, 8787);
  const hasOrigin = process.env.ORIGIN_URL || process.env.PRESET;
  const embedded = hasOrigin ? undefined : await startEmbeddedOrigin();
  const variables = { ...process.env, ...(embedded && { ORIGIN_URL: embedded.url }) };
  const config = parseConfig(
    { ...variables, DESCRIPTORS: 'simulated by miniflare', REPOSITORIES: 'simulated by miniflare' },
    BACKENDS,
  );
  if (isSameAddress(config.originUrl, hostname, port)) {
    throw new Error(
      `ORIGIN_URL: ${config.originUrl.href} is this edge itself; set it to the registry, or set PORT to another port.`,
    );
  }
  const persistTo = stateFolder(embedded ? `embedded-${port}` : config.originUrl.href);
  // The content of an embedded origin does not outlast the process, so neither may its descriptors.
  if (embedded) await rm(persistTo, { recursive: true, force: true });
  const edge = await startIsolates([{ hostname, port, variables }], {
    persistTo,
    log: (line) => console.log(readableLine(line)),
  });
  const [url = ''] = edge.urls;
  stopOnSignal(async () => {
    await edge.stop();
    await embedded?.close();
  });

  console.log(`registry-edge on ${url}, in front of ${config.originUrl.href}`);
  const preset = config.preset && `, PRESET=${config.preset}`;
  console.log(`descriptors in ${config.backend.kind}, CLIENT_AUTH=${config.clientAuth}${preset}`);
  if (embedded) printCommands(url, embedded.sample);
}

const ANY_ADDRESS = ['0.0.0.0', '::', '[::]'];

/**
 * Whether the origin is certainly the address on which the edge listens. Other loops are detected when a request comes
 * back.
 */
function isSameAddress(origin: URL, hostname: string, port: number): boolean {
  const originPort = Number(origin.port || (origin.protocol === 'https:' ? 443 : 80));
  const hosts = [hostname.includes(':') ? `[${hostname.replace(/[[\]]/g, '')}]` : hostname, origin.hostname];
  const areLoopback = hosts.every(isLoopbackHost);
  const isSameHost = hosts[0] === hosts[1] || (areLoopback && hosts.includes('localhost'));
  return originPort === port && (isSameHost || (ANY_ADDRESS.includes(hostname) && isLoopbackHost(origin.hostname)));
}

/** The folder of the state in front of one origin, since a descriptor of one registry is not valid for another. */
function stateFolder(origin: string): string {
  return join(STATE_FOLDER, encodeURIComponent(origin));
}

async function startEmbeddedOrigin() {
  const content = new Content();
  const sample = addSample(content);
  const served = await serveLocally(createRegistry(content).fetch);
  return { ...served, sample };
}

function printCommands(url: string, { name, tag, digest }: Sample): void {
  const host = url.replace('http://', '');
  console.log(`the origin is embedded, in memory, and holds ${name}:${tag}

Try (the second HEAD is answered at the edge):
  curl -I ${url}/v2/${name}/blobs/${digest}
  curl -I ${url}/v2/${name}/blobs/${digest}
  skopeo copy --insecure-policy --src-tls-verify=false docker://${host}/${name}:${tag} dir:/tmp/hello
`);
}

main().catch(exitWithError);
