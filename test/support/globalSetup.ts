import type { TestProject } from 'vitest/node';
import { startRedis } from './redisServer.ts';
import { startRiggedOrigin } from './riggedOrigin.ts';
import { startScriptedServer } from './scriptedServer.ts';

/** Starts, in Node, what the tests in workerd talk to. Tests that are run again find it as new. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { MODEL_MOVES, MODEL_SEED, MODEL_PATH } = process.env;
  project.provide('model', {
    moves: Number(MODEL_MOVES ?? 20_000),
    seed: Number(MODEL_SEED ?? 16),
    path: MODEL_PATH,
  });
  let stop = await startServers(project);
  project.onTestsRerun(async () => {
    await stop();
    stop = await startServers(project);
  });
  return () => stop();
}

/** Starts the servers, and tells the tests where they are. @returns what stops them */
async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const origin = await startRiggedOrigin();
  const scripted = await startScriptedServer();
  const redis = await startRedis();
  if (!redis) {
    if (process.env.CI) throw new Error('redis-server is not installed, and CI skips nothing');
    console.warn('redis-server is not installed: the Redis rows of the suites are skipped');
  }
  project.provide('originUrl', origin.url);
  project.provide('scriptedUrl', scripted.url);
  project.provide('redis', redis && { url: redis.url, token: redis.token });
  return async () => {
    await origin.close();
    await scripted.close();
    await redis?.close();
  };
}
