import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { atEnd, cleanUp } from './support/cleanup.ts';
import { startEdge } from './support/edge.ts';
import { listen } from './support/listen.ts';
import { childNamed, residentMib } from './support/procfs.ts';
import { BACKENDS } from './support/tools.ts';

const CONNECTIONS = 32;
const SIZE = 12_345;
const SAMPLES = 20;

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '300' },
    backend: { type: 'string', default: 'inmemory' },
    auth: { type: 'string', default: 'origin' },
    entries: { type: 'string', default: '10000' },
  },
});

/**
 * A measurement to run by hand: the memory of a Worker during very many HEADs of distinct blobs, which shows whether an
 * isolate's memory is bounded. It runs the built Worker in front of an origin that has every blob, ends after so many
 * HEADs or seconds, and exits with a failure if any answer was wrong.
 *
 *     npm run build && node test/e2e/memory.ts [--count 1000000] [--seconds 300] [--backend inmemory] [--auth origin] \
 *         [--entries 10000]
 */
async function main(): Promise<void> {
  const backend = BACKENDS.find((name) => name === options.backend);
  if (!backend) throw new Error(`--backend: expected one of ${BACKENDS.join(', ')}`);
  const origin = await startOrigin();
  const edge = await startEdge({
    origin,
    backend,
    variables: { CLIENT_AUTH: options.auth, MEMORY_ENTRIES: options.entries, LOG_LEVEL: 'error' },
  });
  const workerd = await childNamed(edge.process.pid, 'workerd');

  const count = Number(options.count);
  const startedAt = Date.now();
  const seconds = () => (Date.now() - startedAt) / 1_000;
  let sent = 0;
  const wrong = new Map<string, number>();
  async function sample(): Promise<void> {
    console.log(
      [sent, seconds().toFixed(0), await residentMib(workerd)].map((cell) => String(cell).padStart(9)).join(' '),
    );
  }
  async function runConnection(): Promise<void> {
    const ask = await openConnection(edge.url);
    while (sent < count && seconds() < Number(options.seconds)) {
      const number = ++sent;
      const answer = await ask(`/v2/team/app/blobs/sha256:${number.toString(16).padStart(64, '0')}`);
      if (answer !== `200 ${SIZE}`) wrong.set(answer, (wrong.get(answer) ?? 0) + 1);
      if (number % Math.ceil(count / SAMPLES) === 0) await sample();
    }
  }
  console.log(
    `BLOBDESCRIPTOR=${backend}, CLIENT_AUTH=${options.auth}, MEMORY_ENTRIES=${options.entries}, ${CONNECTIONS} connections\n`,
  );
  console.log('    HEADs   seconds   RSS MiB');
  await sample();
  await Promise.all(Array.from({ length: CONNECTIONS }, runConnection));
  await sample();
  for (const [answer, times] of wrong) console.log(`${times} answers were ${answer}`);
  if (wrong.size > 0) process.exitCode = 1;
}

/** Starts an origin that has every blob, all of one size. @returns its URL */
async function startOrigin(): Promise<string> {
  const server = createServer((request, response) => {
    const [, digest = ''] = /\/blobs\/(.+)$/.exec(request.url ?? '') ?? [];
    const headers = {
      'Content-Length': SIZE,
      'Content-Type': 'application/octet-stream',
      'Docker-Content-Digest': digest,
    };
    response.writeHead(200, headers).end();
  });
  return listen(server);
}

/**
 * Opens a connection that stays open and costs little, so that most of the time goes to the Worker.
 * @returns a function that sends a HEAD and returns the answer's status and Content-Length
 */
async function openConnection(url: string): Promise<(path: string) => Promise<string>> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay().setEncoding('latin1');
  await once(socket, 'connect');
  atEnd(async () => void socket.destroy());
  let waiting: PromiseWithResolvers<string> | undefined;
  let text = '';
  socket.on('data', (part) => {
    text += part;
    if (!text.endsWith('\r\n\r\n')) return;
    waiting?.resolve(`${text.slice(9, 12)} ${/^content-length: (\d+)/im.exec(text)?.[1]}`);
    text = '';
  });
  socket.on('close', () => waiting?.reject(new Error('the edge has closed a connection')));
  return (path) => {
    waiting = Promise.withResolvers();
    socket.write(`HEAD ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return waiting.promise;
  };
}

await main().finally(cleanUp);
