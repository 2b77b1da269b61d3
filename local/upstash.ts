import { parseArgs } from 'node:util';
import { exitWithError, parsePort, serveLocally, stopOnSignal } from './serve.ts';
import { createBridge } from './upstash/bridge.ts';
import { connectRedis } from './upstash/redis.ts';

const USAGE = `npm run upstash-local -- has no options; its variables are
  REDIS_URL                  by default redis://127.0.0.1:6379
  UPSTASH_REDIS_REST_TOKEN   the token that clients of the REST API have to send
  PORT                       by default 8079`;

/** `npm run upstash-local`: serves the Upstash REST API in front of the Redis at `REDIS_URL`. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean' } } });
  if (values.help) return console.log(USAGE);
  const url = process.env.REDIS_URL || 'redis://127.0.0.1:6379';
  const token = process.env.UPSTASH_REDIS_REST_TOKEN;
  if (!token) throw new Error('UPSTASH_REDIS_REST_TOKEN: expected the token that clients of the REST API have to send');
  const port = parsePort(process.env.PORT, 8079);
  const redis = await connectRedis(url).catch((cause) => {
    const problem = `no Redis lets this program in there (${cause.message})`;
    throw new Error(`REDIS_URL: ${problem}; start one, or correct address and password`, { cause });
  });
  const served = await serveLocally(createBridge(redis, token).fetch, { port, isAlone: true }).catch((cause) => {
    throw new Error(`PORT: ${cause.message}; set it to another one`, { cause });
  });
  stopOnSignal(async () => {
    await served.close();
    await redis.close();
  });
  console.log(`the Upstash REST API on ${served.url}`);
}

main().catch(exitWithError);
