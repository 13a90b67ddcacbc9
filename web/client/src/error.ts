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

/** The error that an answer tells of. */
export function errorOf(res: Response, said: unknown): LatchkeyError {
  const p = (said ?? {}) as Record<string, never>;
  return new LatchkeyError(
    res.status,
    p.error ?? "",
    p.message ?? `The service answered ${res.status}.`,
    p.retry,
    p.fields,
    Number(res.headers.get("Retry-After")) || undefined,
  );
}

/** The same, of an answer whose body somebody else may want to read. */
export async function told(res: Response): Promise<LatchkeyError> {
  const problem = res.headers.get("Content-Type")?.includes("problem+json");
  return errorOf(res, problem ? await res.clone().json().catch(() => null) : null);
}
