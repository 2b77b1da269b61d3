/** Methods that read something of a registry. */
export function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Methods that change nothing at a registry: also the question of a browser, without a credential, what scripts may do. */
export function isSafe(method: string): boolean {
  return isRead(method) || method === 'OPTIONS';
}
