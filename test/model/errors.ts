/** Returns a registry's error. @param digests those that it names */
export function errorOf(status: number, code: string, digests: readonly string[] = ['']): Response {
  const errors = digests.map((digest) => ({ code, message: code, detail: digest }));
  return new Response(JSON.stringify({ errors }), { status, headers: { 'content-type': 'application/json' } });
}
