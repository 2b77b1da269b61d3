/** Sends a command of the DevTools protocol and returns its result. */
export type Debug = (method: string, params?: object) => Promise<unknown>;

/**
 * Connects to the first target of an inspector.
 * @param listUrl the URL of the list of its targets
 */
export async function attach(listUrl: string): Promise<Debug> {
  const [target] = (await (await fetch(listUrl)).json()) as { webSocketDebuggerUrl: string }[];
  if (!target) throw new Error(`the inspector lists no target at ${listUrl}`);
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`cannot connect to ${target.webSocketDebuggerUrl}`));
  });

  const waiting: ((result: unknown) => void)[] = [];
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data);
    waiting[id]?.(result);
  };
  return (method, params = {}) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const id = waiting.push(resolve) - 1;
    socket.send(JSON.stringify({ id, method, params }));
    return promise;
  };
}
