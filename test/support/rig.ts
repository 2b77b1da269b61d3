/** What the rigged origin does with matching requests, instead of answering them as a registry. */
export interface Rule {
  /** The rule is for paths that begin with this, such as `/v2/some/repository/`. */
  readonly prefix: string;
  readonly method?: string;
  /** The rule is for callers whose `Authorization` is none of these, or is missing. */
  readonly unlessAuthorization?: string | readonly string[];
  /** If it is absent, the registry itself answers, after the delay. */
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly delayMs?: number;
  /** Before the delay, this many bytes of the request's body have to arrive; the rest is ignored. */
  readonly afterBytes?: number;
  /** After this many requests the rule is removed. */
  times?: number;
  /** Whether the requests that match are left out of the record. */
  readonly isUnrecorded?: boolean;
  /** Holds the answer until `release` is called with this id. */
  readonly holdAs?: string;
}

export interface RecordedRequest {
  readonly method: string;
  /** Includes the query. */
  readonly path: string;
  readonly headers: Record<string, string>;
}

/** Returns a test's controls of the rigged origin. */
export function createRig(originUrl: string) {
  const call = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${originUrl}/_rig/${path}`, init);
    if (!response.ok) throw new Error(`/_rig/${path}: ${response.status}`);
    return response;
  };
  return {
    rule: (rule: Rule) => call('rules', { method: 'POST', body: JSON.stringify(rule) }),
    /** Removes the rules whose prefix begins with this. */
    forget: (prefix: string) => call(`forget?prefix=${encodeURIComponent(prefix)}`),
    /** Returns the recorded requests whose path begins with this. */
    async requests(prefix: string): Promise<RecordedRequest[]> {
      return (await call(`requests?prefix=${encodeURIComponent(prefix)}`)).json() as Promise<RecordedRequest[]>;
    },
    /** Releases a held answer; waits for up to 2 s until it is held. */
    async release(id: string): Promise<void> {
      for (let attempt = 0; attempt < 100; attempt++) {
        const response = await fetch(`${originUrl}/_rig/release?id=${encodeURIComponent(id)}`);
        if (response.status === 204) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`no answer is held as ${id}`);
    },
  };
}
