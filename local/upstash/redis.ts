import { createClient, ErrorReply, RESP_TYPES } from 'redis';
import { within } from '../../src/async.ts';
import type { Commands } from './bridge.ts';
import type { Reply } from './reply.ts';

/** A Redis that does not answer within this time counts as unreachable. */
const COMMAND_TIMEOUT_MS = 5_000;
const MAX_RECONNECT_MS = 2_000;

/**
 * Connects to a Redis.
 * @throws Error no Redis answers at the URL, or it wants a password
 */
export async function connectRedis(url: string): Promise<Commands & { close(): Promise<void> }> {
  let isConnected = false;
  // RESP 2 has the flat replies of the REST API; without an offline queue, commands fail at once when Redis is lost.
  const client = createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: COMMAND_TIMEOUT_MS,
      // Whoever starts with a wrong URL is told so, and does not wait forever.
      reconnectStrategy: (retries) => isConnected && Math.min(2 ** retries * 50, MAX_RECONNECT_MS),
    },
  }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  // The client reconnects by itself; until then every command fails.
  client.on('error', (error: Error) => console.error(`redis: ${error.message}`));
  await client.connect();
  isConnected = true;
  const send = (command: readonly string[]): Promise<Reply> =>
    client.sendCommand([...command]).then(
      (reply) => reply as unknown as Reply,
      (error: unknown) => {
        if (error instanceof ErrorReply) return error;
        throw error;
      },
    );
  const greeting = await inTime(send(['PING']));
  if (greeting instanceof Error) {
    client.destroy();
    throw greeting;
  }
  return {
    run: (command) => inTime(send(command)),
    pipeline: (commands) => inTime(Promise.all(commands.map(send))),
    async transaction(commands) {
      // The commands are sent together on one connection, so no other request's command comes between them.
      const replies = await inTime(Promise.all([send(['MULTI']), ...commands.map(send), send(['EXEC'])]));
      const result = replies.at(-1);
      if (result instanceof Error) return replies.find((reply) => reply instanceof Error) ?? result;
      return result as Reply[];
    },
    close: async () => client.destroy(),
  };
}

/**
 * Waits for the replies to one request. The client's own timers are one for each command, and end when it is sent.
 * @throws Error Redis does not answer in time
 */
async function inTime<R extends Reply>(replies: Promise<R>): Promise<R> {
  const result = await within(replies, COMMAND_TIMEOUT_MS);
  if (result === undefined) throw new Error('Redis does not answer in time');
  return result;
}
