const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Whether a response redirects to its Location. */
export function isRedirect({ status, headers }: Pick<Response, 'status' | 'headers'>): boolean {
  return REDIRECTS.has(status) && headers.has('location');
}
