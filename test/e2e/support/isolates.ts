import { type Isolate, startIsolates } from '../../../local/edge.ts';
import { exitWithError, stopOnSignal } from '../../../local/serve.ts';

/** Runs isolates of the edge in one process, since two processes cannot share Durable Objects. `ISOLATES`: as JSON. */
async function main(): Promise<void> {
  const isolates = JSON.parse(process.env.ISOLATES ?? '[]') as Isolate[];
  const { urls, stop } = await startIsolates(isolates, { log: console.log });
  stopOnSignal(stop);
  console.log(`isolates on ${urls.join(' ')}.`);
}

main().catch(exitWithError);
