import type { Outcome } from '../command.ts';
import type { Image } from '../image.ts';
import type { Tool } from '../tools.ts';

/** Who a client is at a registry. */
export interface Login {
  /** The environment that holds its logins; empty if it has none. */
  readonly env: Readonly<Record<string, string>>;
  /** `name:password`, for clients that do not read logins. */
  readonly creds?: string;
  /** How long each of its commands may take, if that is more than tests wait. */
  readonly limitMs?: number;
}

/** A program that pushes and pulls, as people install it. */
export interface Client {
  readonly name: string;
  readonly tools: readonly Tool[];
  /** Starts what it needs. Two sessions share nothing that a client remembers. */
  open(login: Login): Promise<Session>;
}

/** A client that is used with one registry, over plain HTTP. References are `host/name:tag`. */
export interface Session {
  /** Has it know an image that is on disk, without the registry; done once, before the image is pushed. */
  load(image: Image): Promise<void>;
  push(image: Image, to: string): Promise<Outcome>;
  /** Pulls as a process that knows nothing of what was pushed or pulled before. */
  pull(from: string): Promise<Outcome>;
  /** Whether what it pulled last is this image. */
  holds(image: Image): Promise<boolean>;
  /**
   * Copies to another repository of the same registry.
   * @param image that which `from` names; it was pushed, and was pulled from there last
   */
  copy(image: Image, from: string, to: string): Promise<Outcome>;
  /** Gives an image that was pushed another tag in the same repository. */
  retag(image: Image, from: string, to: string): Promise<Outcome>;
}

/** @throws Error the client failed */
export function succeeded({ code, output }: Outcome): string {
  if (code !== 0) throw new Error(`a client ended with ${code}: ${output}`);
  return output;
}
