import { createHash, timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { encodeReply, type Reply } from './reply.ts';

/** A connection to a real Redis. An error reply is a value; a throw means that Redis is unreachable. */
export interface Commands {
  run(command: readonly string[]): Promise<Reply>;
  /** Sends the commands together; each has its own reply. */
  pipeline(commands: readonly (readonly string[])[]): Promise<Reply[]>;
  /** Runs the commands within MULTI and EXEC. @returns one error if Redis refused the whole transaction */
  transaction(commands: readonly (readonly string[])[]): Promise<Reply[] | Error>;
}

/** Commands that would change the connection that all requests share, or that would block it. */
const REFUSED = new Set(
  'AUTH BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN CLIENT DISCARD EXEC HELLO MONITOR MULTI PSUBSCRIBE PSYNC PUNSUBSCRIBE QUIT REPLICAOF RESET SELECT SHUTDOWN SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE SYNC UNSUBSCRIBE UNWATCH WAIT WATCH'.split(
    ' ',
  ),
);

/** The limit of most Upstash plans. */
const MAX_BODY_BYTES = 10_000_000;

/**
 * The Upstash REST API in front of a Redis: `POST /` with a command, `/pipeline` and `/multi-exec` with a list of
 * commands. A Redis error is 400, a bad token 401, an unreachable Redis 500; in a pipeline each command has its own
 * error.
 */
export function createBridge(commands: Commands, token: string): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    if (!isSame(c.req.header('authorization') ?? '', `Bearer ${token}`)) return c.json({ error: 'Unauthorized' }, 401);
    return next();
  });
  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: (c) => c.json({ error: 'ERR max request size exceeded' }, 413),
  });
  app.use((c, next) => (isSmall(c) ? next() : limit(c, next)));

  app.post('/', async (c) => {
    const command = parseCommand(await readJson(c));
    if (!command) return c.json({ error: 'ERR expected a command that the REST API supports' }, 400);
    const reply = await commands.run(command);
    return c.json(encodeReply(reply, isBase64(c)), reply instanceof Error ? 400 : 200);
  });
  app.post('/pipeline', async (c) => {
    const list = parseCommands(await readJson(c));
    if (!list) return c.json({ error: 'ERR expected a list of commands that the REST API supports' }, 400);
    const replies = await commands.pipeline(list);
    return c.json(replies.map((reply) => encodeReply(reply, isBase64(c))));
  });
  app.post('/multi-exec', async (c) => {
    const list = parseCommands(await readJson(c));
    if (!list) return c.json({ error: 'ERR expected a list of commands that the REST API supports' }, 400);
    const replies = await commands.transaction(list);
    if (replies instanceof Error) return c.json({ error: replies.message }, 400);
    return c.json(replies.map((reply) => encodeReply(reply, isBase64(c))));
  });
  app.notFound((c) => c.json({ error: 'ERR unknown path; POST a command to /, /pipeline or /multi-exec' }, 404));
  app.onError((error, c) => c.json({ error: `ERR Redis is not reachable (${error.name})` }, 500));
  return app;
}

/** Whether a body is known to fit. The middleware would open it as a stream, which costs more than all the rest. */
function isSmall({ req }: Context): boolean {
  return req.header('transfer-encoding') === undefined && Number(req.header('content-length')) <= MAX_BODY_BYTES;
}

function isBase64(c: Context): boolean {
  return c.req.header('upstash-encoding') === 'base64';
}

/** Compares in constant time, by digests, since these have the same length. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

async function readJson(c: Context): Promise<unknown> {
  return c.req.json().catch(() => undefined);
}

function parseCommands(body: unknown): string[][] | undefined {
  if (!Array.isArray(body) || body.length === 0) return undefined;
  const list = body.map(parseCommand);
  return list.every((command) => command !== undefined) ? list : undefined;
}

/** A command is a list of strings, numbers and booleans, its name first. */
function parseCommand(body: unknown): string[] | undefined {
  const isArgument = (part: unknown) => ['string', 'number', 'boolean'].includes(typeof part);
  if (!Array.isArray(body) || body.length === 0 || !body.every(isArgument)) return undefined;
  const command = body.map(String);
  return REFUSED.has(command[0]?.toUpperCase() ?? '') ? undefined : command;
}
