/** Sums up what the Worker's log says of requests. */
export interface Summary {
  /** Reads a line of the log. */
  note(line: string): void;
  /** Returns the sums in one line; `undefined` where there was no request of a registry. */
  text(): string | undefined;
}

interface RequestLine {
  readonly message?: unknown;
  readonly path?: unknown;
  readonly cache?: unknown;
}

export function createSummary(): Summary {
  let [requests, hits, collapsed] = [0, 0, 0];
  return {
    note(line) {
      const { message, path, cache } = parse(line);
      if (message !== 'request' || typeof path !== 'string' || !path.startsWith('/v2')) return;
      requests += 1;
      if (typeof cache !== 'string') return;
      if (cache.startsWith('registry-edge; hit')) hits += 1;
      else if (cache.includes('; collapsed')) collapsed += 1;
    },
    text() {
      if (requests === 0) return undefined;
      const share = Math.round((100 * hits) / requests);
      return `${requests} requests, ${hits} of them hits (${share} %): ${hits + collapsed} round trips to the origin saved`;
    },
  };
}

function parse(line: string): RequestLine {
  try {
    return (JSON.parse(line) as RequestLine | null) ?? {};
  } catch {
    return {};
  }
}
