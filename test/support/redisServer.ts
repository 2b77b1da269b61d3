import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { serveLocally } from '../../local/serve.ts';
import { createBridge } from '../../local/upstash/bridge.ts';
import { connectRedis } from '../../local/upstash/redis.ts';

export interface RedisBehindRest {
  /** The URL of the REST API. */
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

/** Starts a real Redis without persistence, behind the REST bridge; `undefined` if redis-server is not installed. */
export async function startRedis(): Promise<RedisBehindRest | undefined> {
  if (spawnSync('redis-server', ['--version']).error) return undefined;
  const port = await freePort();
  const server = spawn(
    'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    {
      stdio: 'ignore',
    },
  );
  const redis = await connected(`redis://127.0.0.1:${port}`);
  const token = 'token-of-the-tests';
  const served = await serveLocally(createBridge(redis, token).fetch);
  return {
    url: served.url,
    token,
    async close() {
      await served.close();
      await redis.close();
      server.kill();
    },
  };
}

async function connected(url: string) {
  for (let tries = 0; ; tries++) {
    try {
      return await connectRedis(url);
    } catch (error) {
      if (tries === 50) throw error;
      await delay(100);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
