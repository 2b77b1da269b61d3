export {};

declare module 'vitest' {
  /** What globalSetup tells the tests. */
  export interface ProvidedContext {
    /** Of the rigged origin. */
    originUrl: string;
    /** Of the scripted server; see `scripted`. */
    scriptedUrl: string;
    /** Of the REST API before a real Redis; `undefined` where redis-server is not installed. */
    redis: { url: string; token: string } | undefined;
    /** Of the model: how many moves all its tests make together, and where the random ones begin. */
    model: { moves: number; seed: number; path: string | undefined };
  }
}
