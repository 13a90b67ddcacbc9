/** A refusal of the service (RFC 9457), or that it could not be reached: status 0. */
export class LatchkeyError extends Error {
  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The stable name of the error, such as invalid_credentials. */
    readonly error: string,
    message: string,
    /** What helps: refresh, login, later, or nothing. */
    readonly retry?: string,
    /** What is wrong with each field. */
    readonly fields?: Record<string, string>,
    /** In how many seconds to come again. */
    readonly retryAfter?: number,
    /** What failed, if there was no answer. */
    readonly cause?: unknown,
  ) {
    super(message);
    this.name = "LatchkeyError";
  }
}

/** Returns the error for a call that got no answer of the service. */
export const lost = (cause?: unknown) =>
  new LatchkeyError(0, "unreachable", "The service cannot be reached. Try again in a moment.", "later", undefined, undefined, cause);

/** Returns the error that an answer reports. A proxy's answer has no problem document, nor has one to HEAD. */
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

/** Does the same for an answer whose body its caller may want to read. */
export async function told(res: Response): Promise<LatchkeyError> {
  const problem = res.headers.get("Content-Type")?.includes("problem+json");
  return errorOf(res, problem ? await res.clone().json().catch(() => null) : null);
}
