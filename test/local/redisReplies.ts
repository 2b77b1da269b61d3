import { type AddressInfo, createServer } from 'node:net';

/**
 * Starts a server to which clients of Redis connect, and that gives each command the same reply.
 * @param reply in the protocol of Redis (RESP 2)
 * @param silentAt a command's name: what is sent together with it gets no reply
 */
export async function startRedisReplies(reply: string, silentAt?: string): Promise<{ port: number; close(): void }> {
  const server = createServer((socket) =>
    socket.on('data', (commands) => {
      const isSilent = silentAt !== undefined && commands.includes(silentAt);
      if (!isSilent) socket.write(reply.repeat(countOf(commands)));
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

/** How many commands a client has sent: each is an array. */
function countOf(commands: Buffer): number {
  return commands.toString().match(/^\*\d/gm)?.length ?? 0;
}
