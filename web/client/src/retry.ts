import { LatchkeyError } from "./error.js";
import { sleep } from "./lock.js";

/** The maximum number of attempts of a call while the service fails. */
const tries = 5;
/** A call fails at once if the retry is due later than this. */
const patienceMs = 10_000;

/** Runs f until it succeeds, or until it fails with an error that does not allow a retry. */
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

/** For calls that may run twice: reports a temporary failure of the service or the network. */
export const passing = (e: LatchkeyError) =>
  e instanceof LatchkeyError && (!e.status || e.status >= 500 || e.status === 429);

/** For calls that must not run twice: reports that the service refused the call before it did anything. */
export const refused = (e: LatchkeyError) => e.error === "rate_limited" || e.error === "overloaded";
