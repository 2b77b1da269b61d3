/** Whether a method reads a resource of the registry. */
export function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Whether a method changes nothing at a registry. A browser's preflight (OPTIONS) carries no credential. */
export function isSafe(method: string): boolean {
  return isRead(method) || method === 'OPTIONS';
}
