/** A signal that follows another one until it is detached from it. */
export interface Detachable {
  readonly signal: AbortSignal;
  /** From now on, the signal is not aborted any more. */
  detach(): void;
}

/** Creates such a signal, for a request to the origin that may have to outlive its client. */
export function detachableFrom(followed: AbortSignal): Detachable {
  const controller = new AbortController();
  const abort = () => controller.abort(followed.reason);
  if (followed.aborted) abort();
  followed.addEventListener('abort', abort);
  return { signal: controller.signal, detach: () => followed.removeEventListener('abort', abort) };
}
