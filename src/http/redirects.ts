const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function isRedirect({ status, headers }: Pick<Response, 'status' | 'headers'>): boolean {
  return REDIRECTS.has(status) && headers.has('location');
}
