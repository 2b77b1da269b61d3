/** What the rigged origin does with matching requests instead of answering them as a registry. */
export interface Rule {
  /** Of the path, such as `/v2/some/repository/`. */
  readonly prefix: string;
  readonly method?: string;
  /** The rule is for callers with another `Authorization`, or none. */
  readonly unlessAuthorization?: string;
  /** Without one the registry answers, after the delay. */
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly delayMs?: number;
  /** Before that, so much of the body has to come, in bytes; the rest is not looked at. */
  readonly afterBytes?: number;
  /** After so many requests the rule is gone. */
  times?: number;
  /** The requests that it meets are not recorded. */
  readonly isUnrecorded?: boolean;
  /** Holds the answer until `release` is called with this. */
  readonly holdAs?: string;
}

export interface RecordedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Record<string, string>;
}

/** The handle of a test on the rigged origin. */
export function rigOf(originUrl: string) {
  const call = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${originUrl}/_rig/${path}`, init);
    if (!response.ok) throw new Error(`/_rig/${path}: ${response.status}`);
    return response;
  };
  return {
    rule: (rule: Rule) => call('rules', { method: 'POST', body: JSON.stringify(rule) }),
    forget: (prefix: string) => call(`forget?prefix=${encodeURIComponent(prefix)}`),
    async requests(prefix: string): Promise<RecordedRequest[]> {
      return (await call(`requests?prefix=${encodeURIComponent(prefix)}`)).json() as Promise<RecordedRequest[]>;
    },
    /** Lets a held answer go, once it is held. */
    async release(id: string): Promise<void> {
      for (let tries = 0; tries < 100; tries++) {
        const response = await fetch(`${originUrl}/_rig/release?id=${encodeURIComponent(id)}`);
        if (response.status === 204) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`nothing was held as ${id}`);
    },
  };
}
