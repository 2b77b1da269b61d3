import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parseAdminToken, parseEdgeUrl } from './edgeUrl.ts';
import { exitWithError } from './serve.ts';
import { CallerNeeded, warmByEdge } from './warm/byEdge.ts';
import { warmByPull } from './warm/byPull.ts';
import { dockerLogin } from './warm/dockerLogin.ts';
import { messageOf } from './warm/messageOf.ts';
import { Progress } from './warm/progress.ts';
import { RegistryClient } from './warm/registryClient.ts';
import type { WarmImage } from './warm/warmImage.ts';

const USAGE = `npm run warm -- [OPTION...] IMAGE...
  --edge URL          the edge; by default EDGE_URL, or http://127.0.0.1:8787
  --file FILE         further images, one in each line; empty lines and those with # are left out
  --platform P        such as linux/amd64, once for each; by default all platforms
  --upstream ALIAS    one of UPSTREAMS
  --parallel N        how many images at the same time, 1 to 16; by default 4
ADMIN_TOKEN is that of the edge. Where the origin judges callers, the images are pulled with your docker login.`;

const CHOOSE_UPSTREAM = 'choose it by its host in --edge or by its prefix';

const OPTIONS = {
  edge: { type: 'string' },
  file: { type: 'string' },
  platform: { type: 'string', multiple: true },
  upstream: { type: 'string' },
  parallel: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/**
 * `npm run warm`: asks for images before anybody else does, so that the first pull is answered from the cache. It may be
 * repeated at any time: what is known costs the origin nothing. The exit code is 1 if an image failed.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (values.help) return console.log(USAGE);
  const images = [...new Set([...positionals, ...(values.file ? await imagesIn(values.file) : [])])];
  if (images.length === 0) throw new Error(`there is no image to warm\n${USAGE}`);
  const parallel = parseParallel(values.parallel);
  const url =
    values.edge === undefined
      ? parseEdgeUrl(process.env.EDGE_URL || 'http://127.0.0.1:8787', 'EDGE_URL')
      : parseEdgeUrl(values.edge);
  const adminToken = parseAdminToken(process.env.ADMIN_TOKEN) ?? '';
  const upstream = values.upstream ?? '';
  if (upstream && !adminToken) throw new Error(`--upstream: requires ADMIN_TOKEN; without it, ${CHOOSE_UPSTREAM}`);
  const warmImage = createWarmer({ url, adminToken, platforms: values.platform ?? [], upstream });

  const progress = new Progress(images.length);
  const left = [...images];
  const lane = async () => {
    for (let image = left.shift(); image !== undefined; image = left.shift()) {
      const error = await warmImage(image, (done) => progress.add(done)).then(() => undefined, messageOf);
      progress.finish(image, error);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  const { summary, errors } = progress.end();
  console.log(summary);
  for (const error of errors) console.error(error);
  if (errors.length > 0) process.exitCode = 1;
}

/** Lets the edge do the work, or does it itself where the edge cannot. */
function createWarmer(options: Parameters<typeof warmByEdge>[0]): WarmImage {
  let client: Promise<RegistryClient> | undefined;
  const { url, platforms } = options;
  const pull: WarmImage = async (image, report) => {
    client ??= dockerLogin(new URL(url).host).then((login) => new RegistryClient(url, login));
    await warmByPull({ client: await client, platforms }, image, report);
  };
  return async (image, report) => {
    if (client || !options.adminToken) return pull(image, report);
    try {
      await warmByEdge(options, image, report);
    } catch (error) {
      if (!(error instanceof CallerNeeded)) throw error;
      if (options.upstream) throw new Error(`the origin judges callers: ${CHOOSE_UPSTREAM}, not by --upstream`);
      await pull(image, report);
    }
  };
}

async function imagesIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new Error(`--file: ${file} cannot be read (${cause.code})`, { cause });
  });
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

function parseParallel(text = '4'): number {
  if (/^(?:[1-9]|1[0-6])$/.test(text)) return Number(text);
  throw new Error('--parallel: expected a whole number from 1 to 16');
}

main().catch(exitWithError);
