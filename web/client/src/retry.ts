import { LatchkeyError } from "./error.js";
import { sleep } from "./lock.js";

/** How often a call is sent while the service has trouble. */
const tries = 5;
/** A call that should be repeated later than this fails at once. */
const patienceMs = 10_000;

/** Runs f until it succeeds, or its error is one after which it must not run again. */
export async function retrying<T>(
  f: () => Promise<T>,
  may: (error: LatchkeyError & { res?: Response }) => boolean | undefined,
  wait: (ms: number) => Promise<void> = sleep,
): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await f();
    } catch (e) {
      const error = e as LatchkeyError;
      const after = (error.retryAfter ?? 0) * 1000;
      if (n === tries || after > patienceMs || !may(error)) throw e;
      const spread = Math.random() / 2;
      await wait(Math.max(after * (1 + spread), 250 * 2 ** n * (0.75 + spread)));
    }
  }
}

/** For calls that may run twice: the service, or the way to it, has trouble that passes. */
export const passing = (e: LatchkeyError) =>
  e instanceof LatchkeyError && (!e.status || e.status >= 500 || e.status === 429);

/** For calls that must not run twice: the service refused the call before it did anything. */
export const refused = (e: LatchkeyError) => e.error === "rate_limited" || e.error === "overloaded";
