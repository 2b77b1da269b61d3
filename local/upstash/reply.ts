/** A reply of Redis; bulk strings are bytes, since they need not be text. */
export type Reply = Buffer | string | number | null | Error | Reply[];

type Json = string | number | null | Json[];

/**
 * Converts a reply to the form of the REST API: `{"result"}` or `{"error"}`. With base64, every string except the
 * status `OK` is encoded, so that bytes that are not UTF-8 survive JSON.
 */
export function encodeReply(reply: Reply, base64: boolean): { result: Json } | { error: string } {
  return reply instanceof Error ? { error: reply.message } : { result: encode(reply, base64) };
}

function encode(reply: Exclude<Reply, Error> | Error, base64: boolean): Json {
  if (reply instanceof Error) return reply.message;
  if (Array.isArray(reply)) return reply.map((part) => encode(part, base64));
  if (reply === null || typeof reply === 'number') return reply;
  if (!base64 || reply.toString() === 'OK') return reply.toString();
  return (typeof reply === 'string' ? Buffer.from(reply) : reply).toString('base64');
}
