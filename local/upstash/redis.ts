import { createClient, ErrorReply, RESP_TYPES } from 'redis';
import type { Commands } from './bridge.ts';
import type { Reply } from './reply.ts';

/** After this a Redis that does not answer is gone. */
const COMMAND_TIMEOUT_MS = 5_000;

/** @throws Error no Redis at the URL */
export async function connectRedis(url: string): Promise<Commands & { close(): Promise<void> }> {
  // RESP 2 has the flat replies that the REST API shows; without an offline queue a lost Redis is told at once.
  const client = createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    socket: { connectTimeout: COMMAND_TIMEOUT_MS },
    commandOptions: { timeout: COMMAND_TIMEOUT_MS },
  }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  // It reconnects by itself; until then every command fails.
  client.on('error', (error: Error) => console.error(`redis: ${error.message}`));
  await client.connect();

  const run = (command: readonly string[]): Promise<Reply> =>
    client.sendCommand([...command]).then(
      (reply) => reply as unknown as Reply,
      (error: unknown) => {
        if (error instanceof ErrorReply) return error;
        throw error;
      },
    );
  return {
    run,
    pipeline: (commands) => Promise.all(commands.map(run)),
    async transaction(commands) {
      // Sent together on one connection, so nothing of another request comes between.
      const replies = await Promise.all([run(['MULTI']), ...commands.map(run), run(['EXEC'])]);
      const result = replies.at(-1);
      if (result instanceof Error) return replies.find((reply) => reply instanceof Error) ?? result;
      return result as Reply[];
    },
    close: async () => client.destroy(),
  };
}
