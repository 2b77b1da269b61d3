/// <reference path="./worker.d.ts" />
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { BYTE_BACKENDS } from '../src/assembleBytes.ts';
import { BACKENDS } from '../src/assembleCaches.ts';
import { parseConfig } from '../src/config/config.ts';
import type { UpstreamConfig } from '../src/config/upstream.ts';
import { isLoopbackHost } from '../src/http/hosts.ts';
import { SIMULATED, startIsolates } from './edge.ts';
import { Content } from './origin/content.ts';
import { createRegistry } from './origin/registry.ts';
import { addSample, type Sample } from './origin/sample.ts';
import { readableLine } from './readable.ts';
import { exitWithError, parsePort, serveLocally, stopOnSignal } from './serve.ts';
import { embeddedStateFolder, stateFolder } from './state.ts';
import { createSummary } from './summary.ts';
import { readWranglerConfig } from './wranglerConfig.ts';

const USAGE = `npm start -- [--config FILE]
  --config FILE       a configuration of wrangler, for the variables that the environment does not set
Variables such as ORIGIN_URL or PRESET are those of docs/configuration.md; HOST and PORT set the address to listen on.`;

/**
 * `npm start`: runs the built Worker on this machine, in front of `ORIGIN_URL`, of the registry that `PRESET` names, of
 * all `UPSTREAMS`, or of an embedded origin. With `--config FILE`, the variables that the environment does not set are
 * those of that wrangler.toml.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) return console.log(USAGE);
  const given = { ...(values.config && (await readWranglerConfig(values.config)).variables), ...process.env };
  const hostname = given.HOST || '127.0.0.1';
  const port = parsePort(given.PORT, 8787);
  const hasOrigin = given.ORIGIN_URL || given.PRESET || given.UPSTREAMS;
  const embedded = hasOrigin ? undefined : await startEmbeddedOrigin();
  const variables = { ...given, ...(embedded && { ORIGIN_URL: embedded.url }) };
  const config = parseConfig({ ...variables, ...SIMULATED }, BACKENDS, BYTE_BACKENDS);
  const loop = config.upstreams.find(({ originUrl }) => isSameAddress(originUrl, hostname, port));
  if (loop) {
    const variable = loop.alias === '' ? 'ORIGIN_URL' : `UPSTREAMS.${loop.alias}.ORIGIN_URL`;
    const advice = 'set it to the registry, or set PORT to another port';
    throw new Error(`${variable}: ${loop.originUrl.href} is this edge itself; ${advice}.`);
  }
  const persistTo = embedded ? embeddedStateFolder(port) : stateFolder(config);
  // The content of an embedded origin does not outlast the process, so neither may its descriptors.
  if (embedded) await rm(persistTo, { recursive: true, force: true });
  const summary = createSummary();
  const edge = await startIsolates([{ hostname, port, variables }], {
    persistTo,
    log(line) {
      summary.note(line);
      console.log(readableLine(line));
    },
  });
  const [url = ''] = edge.urls;
  stopOnSignal(async () => {
    await edge.stop();
    await embedded?.close();
    const text = summary.text();
    if (text) console.log(text);
  });

  const [first, ...others] = config.upstreams;
  const isSingle = others.length === 0 && first.alias === '';
  console.log(`registry-edge on ${url}, in front of ${isSingle ? first.originUrl.href : 'these registries'}`);
  console.log(`descriptors in ${config.backend.kind}${isSingle ? settingsOf(first) : ''}`);
  if (!isSingle) for (const upstream of config.upstreams) console.log(`  ${describeUpstream(upstream)}`);
  if (config.adminToken !== undefined) console.log(`the page for operators is ${url}/_edge/`);
  if (embedded) printCommands(url, embedded.sample, first.clientAuth === 'basic');
}

function settingsOf({ clientAuth, preset }: UpstreamConfig): string {
  return `, CLIENT_AUTH=${clientAuth}${preset && `, PRESET=${preset}`}`;
}

/** Returns which registry an upstream is, and what chooses it. */
function describeUpstream(upstream: UpstreamConfig): string {
  const { hosts, prefix, ns } = upstream.chosenBy;
  const choosers = [
    ...(hosts.length > 0 ? [`HOSTS=${hosts}`] : []),
    ...(prefix === undefined ? [] : [`PREFIX=${prefix}`]),
    ...(ns.length > 0 ? [`NS=${ns}`] : []),
  ];
  const name = upstream.alias || '(ORIGIN_URL)';
  return `${name}: ${upstream.originUrl.href}, ${choosers.join(', ') || 'whatever is left'}${settingsOf(upstream)}`;
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

async function startEmbeddedOrigin() {
  const content = new Content();
  const sample = addSample(content);
  const served = await serveLocally(createRegistry(content).fetch);
  return { ...served, sample };
}

/** @param asUser whether the edge lets in only users of its own, whose names and passwords it does not know */
function printCommands(url: string, { name, tag, digest }: Sample, asUser: boolean): void {
  const host = url.replace('http://', '');
  const [forCurl, forSkopeo] = asUser ? [' -u NAME', ' --src-creds NAME:TOKEN'] : ['', ''];
  console.log(`the origin is embedded, in memory, and holds ${name}:${tag}

Try${asUser ? ' as a user who may pull' : ''} (the second HEAD is answered at the edge):
  curl -I${forCurl} ${url}/v2/${name}/blobs/${digest}
  curl -I${forCurl} ${url}/v2/${name}/blobs/${digest}
  skopeo copy --insecure-policy --src-tls-verify=false${forSkopeo} docker://${host}/${name}:${tag} dir:/tmp/hello
`);
}

main().catch(exitWithError);
