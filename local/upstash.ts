import { exitWithError, parsePort, serveLocally, stopOnSignal } from './serve.ts';
import { createBridge } from './upstash/bridge.ts';
import { connectRedis } from './upstash/redis.ts';

/** `npm run upstash-local`: serves the Upstash REST API in front of the Redis at `REDIS_URL`. */
async function main(): Promise<void> {
  const url = process.env.REDIS_URL || 'redis://127.0.0.1:6379';
  const token = process.env.UPSTASH_REDIS_REST_TOKEN;
  if (!token) throw new Error('UPSTASH_REDIS_REST_TOKEN: expected the token that clients of the REST API have to send');
  const port = parsePort(process.env.PORT, 8079);
  const redis = await connectRedis(url).catch((cause) => {
    throw new Error('REDIS_URL: no Redis answers at this address; start one, or set it to another', { cause });
  });
  const served = await serveLocally(createBridge(redis, token).fetch, { port });
  stopOnSignal(async () => {
    await served.close();
    await redis.close();
  });
  console.log(`the Upstash REST API on ${served.url}`);
}

main().catch(exitWithError);
