/** An error response of the service (RFC 9457). Status 0: the service could not be reached. */
export class LatchkeyError extends Error {
  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The stable name of the error, such as invalid_credentials. */
    readonly error: string,
    message: string,
    /** The action before a retry: refresh, login or later; undefined if a retry does not help. */
    readonly retry?: string,
    /** The problem with each field. */
    readonly fields?: Record<string, string>,
    /** The seconds to wait before a retry. */
    readonly retryAfter?: number,
    /** The underlying error, if there was no response. */
    readonly cause?: unknown,
  ) {
    super(message);
    this.name = "LatchkeyError";
  }
}

/** Returns the error for a call without a response of the service. */
export const lost = (cause?: unknown) =>
  new LatchkeyError(0, "unreachable", "The service cannot be reached. Try again in a moment.", "later", undefined, undefined, cause);

/** Returns the error in a response. Responses of a proxy and responses to HEAD have no problem document. */
export function errorOf(res: Response, said: unknown): LatchkeyError {
  const p = (said ?? {}) as Record<string, never>;
  const { status, headers } = res;
  const after = headers.get("Retry-After") ?? "";
  return new LatchkeyError(
    status,
    p.error ?? "",
    p.message ?? `The service answered ${status}.`,
    p.retry ??
      (status === 429 || status > 501 ? "later"
      : status === 401 && /invalid_token/.test(headers.get("WWW-Authenticate") ?? "") ? "refresh"
      : undefined),
    p.fields,
    Number(after) || (Date.parse(after) - Date.now()) / 1000 || undefined,
  );
}

/** Returns the same, and leaves the body of the response to the caller. */
export async function told(res: Response): Promise<LatchkeyError> {
  const problem = res.headers.get("Content-Type")?.includes("problem+json");
  return errorOf(res, problem ? await res.clone().json().catch(() => null) : null);
}
