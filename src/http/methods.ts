/** The methods that registries use. No other reaches the origin: the cache could not follow what it changes there. */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Whether a method reads a resource of the registry. */
export function isReadMethod(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Whether a method changes nothing at a registry. A browser's preflight (OPTIONS) carries no credential. */
export function isSafeMethod(method: string): boolean {
  return isReadMethod(method) || method === 'OPTIONS';
}
