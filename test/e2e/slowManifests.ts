import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { cleanUp } from './support/cleanup.ts';
import { OCI } from './support/contents.ts';
import { startEdge } from './support/edge.ts';
import { listen } from './support/listen.ts';
import { childNamed, peakMib, residentMib } from './support/procfs.ts';
import { BACKENDS } from './support/tools.ts';

const SIZE = 4 * 1024 * 1024 - 1_000;
const SLOW = ['origin', 'clients', 'both'] as const;

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '60' },
    slow: { type: 'string', default: 'both' },
    seconds: { type: 'string', default: '5' },
    backend: { type: 'string', default: 'inmemory' },
  },
});

/**
 * A measurement to run by hand: the memory of a Worker during many slow GETs of large manifests at the same time, which
 * shows whether an isolate's buffers are bounded. It runs the built Worker in front of an origin that sends slowly,
 * with clients that read slowly, or both; each GET asks for another manifest.
 *
 *     npm run build && node test/e2e/slowManifests.ts [--count 60] [--slow both] [--seconds 5] [--backend inmemory]
 */
async function main(): Promise<void> {
  const slow = SLOW.find((who) => who === options.slow);
  const backend = BACKENDS.find((name) => name === options.backend);
  if (!slow || !backend) throw new Error(`expected --slow ${SLOW.join('|')} and --backend ${BACKENDS.join('|')}`);
  const seconds = Number(options.seconds);
  const manifests = Array.from({ length: Number(options.count) }, makeManifest);
  const origin = await startOrigin(new Map(manifests), slow === 'clients' ? 0 : seconds);
  const edge = await startEdge({ origin, backend, variables: { LOG_LEVEL: 'error' } });
  const workerd = await childNamed(edge.process.pid, 'workerd');
  const readDelay = slow === 'origin' ? 0 : seconds;

  const before = await residentMib(workerd);
  const counts = new Map<string, number>();
  const peak = await peakMib([workerd], async () => {
    const answers = await Promise.all(manifests.map(([digest]) => get(edge.url, digest, readDelay)));
    for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  });
  console.log(`${manifests.length} GETs, slow: ${slow}, ${backend}: RSS ${before} MiB before, ${peak} at the most`);
  for (const [answer, times] of counts) console.log(`${times} answers were ${answer}`);
  if (counts.size !== 1 || !counts.has('200, whole')) process.exitCode = 1;
}

function makeManifest(): [digest: string, content: Buffer] {
  const annotations = { padding: randomBytes(SIZE / 2).toString('hex') };
  const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI.manifest, annotations }));
  return [`sha256:${createHash('sha256').update(content).digest('hex')}`, content.subarray(0, content.length)];
}

/** Starts an origin that sends each manifest in pieces over so many seconds. @returns its URL */
async function startOrigin(manifests: ReadonlyMap<string, Buffer>, seconds: number): Promise<string> {
  const server = createServer(async (request, response) => {
    const digest = request.url?.split('/').at(-1) ?? '';
    const content = manifests.get(digest);
    if (!content) return response.writeHead(404).end();
    const headers = { 'content-type': OCI.manifest, 'docker-content-digest': digest, 'content-length': content.length };
    response.writeHead(200, headers);
    if (request.method === 'HEAD') return response.end();
    const pieces = seconds * 10 || 1;
    const size = Math.ceil(content.length / pieces);
    for (let at = 0; at < content.length; at += size) {
      response.write(content.subarray(at, at + size));
      if (seconds > 0) await delay(100);
    }
    return response.end();
  });
  return listen(server);
}

/**
 * Sends a GET, and reads nothing for so many seconds after the first bytes.
 * @returns the status, and whether the body is whole
 */
async function get(url: string, digest: string, readDelay: number): Promise<string> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`GET /v2/team/app/manifests/${digest} HTTP/1.1\r\nHost: ${host}\r\nAccept: ${OCI.manifest}\r\n\r\n`);
  await once(socket, 'readable');
  if (readDelay > 0) await delay(readDelay * 1_000);
  let head = '';
  let length = 0;
  for await (const part of socket) {
    length += part.length;
    if (!head.includes('\r\n\r\n')) head += part.toString('latin1');
    const headBytes = head.indexOf('\r\n\r\n') + 4;
    const expected = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
    if (length - headBytes === expected) return `${head.slice(9, 12)}, whole`;
  }
  return `${head.slice(9, 12)}, cut off`;
}

await main().finally(cleanUp);
