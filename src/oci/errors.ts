/**
 * The only table of error codes: those of a registry (OCI distribution-spec, "Error Codes"), and those that an edge
 * adds. `app.ts` is the only place that turns one into an answer.
 */
const ERRORS = {
  DIGEST_INVALID: [400, 'the digest is not valid: expected sha256, sha384 or sha512 and its lowercase hex'],
  NAME_INVALID: [400, 'the repository name is not valid'],
  TAG_INVALID: [400, 'the tag is not valid'],
  SIZE_INVALID: [400, 'the size is not valid'],
  MANIFEST_INVALID: [400, 'the manifest is not valid'],
  MANIFEST_TOO_LARGE: [413, 'the manifest is too large: registries accept at most 4 MiB'],
  MANIFEST_BLOB_UNKNOWN: [400, 'the manifest names content that is not in the repository'],
  REQUEST_INVALID: [400, 'the request is not valid'],
  BLOB_UNKNOWN: [404, 'the blob is not in the repository'],
  BLOB_UPLOAD_UNKNOWN: [404, 'the upload is not known'],
  MANIFEST_UNKNOWN: [404, 'the manifest is not in the repository'],
  NAME_UNKNOWN: [404, 'nothing is served at this path; the registry is below /v2/'],
  CALLER_NEEDED: [
    409,
    'the origin judges every caller, and the edge has no account there: pull with a login of your own (npm run warm does)',
  ],
  UNSUPPORTED: [405, 'the operation is not supported'],
  UNAUTHORIZED: [401, 'authentication is required'],
  DENIED: [403, 'access is denied'],
  RANGE_INVALID: [416, 'the requested range lies outside the content'],
  TOOMANYREQUESTS: [429, 'too many requests'],
  UNKNOWN: [500, 'the edge failed to answer'],
  UNAVAILABLE: [503, 'the service is not available'],
  ORIGIN_UNREACHABLE: [502, 'the origin registry cannot be reached'],
  LOOP_DETECTED: [508, 'ORIGIN_URL leads back to this edge: set it to the address of the registry itself'],
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** The code that clients read, where the specification does not have the edge's own. */
const PUBLIC_CODE: Partial<Record<ErrorCode, string>> = {
  CALLER_NEEDED: 'UNSUPPORTED',
  ORIGIN_UNREACHABLE: 'UNAVAILABLE',
  LOOP_DETECTED: 'UNAVAILABLE',
  MANIFEST_TOO_LARGE: 'MANIFEST_INVALID',
};

interface ErrorOptions {
  readonly message?: string;
  readonly detail?: unknown;
  /** In place of `detail`: the body has one error for each. */
  readonly details?: readonly unknown[];
  readonly cause?: unknown;
  readonly headers?: Record<string, string>;
}

/** An error with its OCI code. `detail` and `message` go to the client, `cause` goes only to the log. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: readonly unknown[];
  /** Further headers of the answer, such as `Content-Range`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    super(options.message ?? ERRORS[code][1], { cause: options.cause });
    this.code = code;
    this.status = ERRORS[code][0];
    this.details = options.details ?? [options.detail];
    this.headers = options.headers ?? {};
  }

  /** Returns the body of the answer: `{"errors":[{code, message, detail?}]}`. */
  toBody(): string {
    const code = PUBLIC_CODE[this.code] ?? this.code;
    return `${JSON.stringify({ errors: this.details.map((detail) => ({ code, message: this.message, detail })) })}\n`;
  }
}

/** Whether a status says that the registry cannot answer now. 401, 403 and 404 are answers. */
export function isOriginFailure(status: number): boolean {
  return status === 429 || status >= 500;
}

/** At most this much of the client's input is repeated in an error. */
const QUOTED_CHARACTERS = 300;

/** Shortens the client's input for the detail of an error. */
export function quoted(text: string): string {
  return text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}…` : text;
}
