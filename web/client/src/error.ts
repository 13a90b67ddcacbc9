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
  ) {
    super(message);
    this.name = "LatchkeyError";
  }
}

/** The error that a response tells of. */
export async function errorOf(res: Response): Promise<LatchkeyError> {
  const p = await res.json().catch(() => ({}));
  return new LatchkeyError(
    res.status,
    p.error ?? "",
    p.message ?? `The service answered ${res.status}.`,
    p.retry,
    p.fields,
    Number(res.headers.get("Retry-After")) || undefined,
  );
}
