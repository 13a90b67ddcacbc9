import { localStore } from "./store.js";

export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** The lifetime of a lease. Its owner renews it, so the lease of a closed tab expires. */
const leaseMs = 3_000;

/** The maximum time that a call waits for the lock. */
const turnMs = 10_000;

/**
 * Runs f while no other tab of this origin runs its own. A tab whose script is
 * stopped (frozen, in a debugger, in a busy loop) keeps its lock, so after ten
 * seconds f runs without the lock: the service accepts concurrent refreshes.
 */
export function exclusive<T>(name: string, f: () => Promise<T>): Promise<T> {
  return new Promise((done, fail) => {
    const stop = new AbortController();
    let begun: Promise<void> | undefined;
    const run = () => {
      clearTimeout(timer);
      return (begun ??= f().then(done, fail));
    };
    const timer = setTimeout(() => {
      run();
      stop.abort();
    }, turnMs);
    const locks = globalThis.navigator?.locks;
    (locks ? locks.request(name, { signal: stop.signal }, run) : Promise.reject())
      .catch(() => begun ?? lease(`${name}:lock`, run, () => !!begun)) // a sandboxed page may not have locks
      .catch(run); // or the lease cannot be read
  });
}

const queues = new Map<string, Promise<void>>();

/**
 * Replaces Web Locks where they are missing (old browsers, plain http, React Native):
 * a queue in this tab, and between tabs a lease in localStorage. Two tabs can hold
 * the lease at once; the service tolerates that.
 */
function lease(name: string, run: () => Promise<void>, begun: () => boolean): Promise<void> {
  const turn = (queues.get(name) ?? Promise.resolve()).then(() => leased(name, run, begun));
  queues.set(name, turn.catch(() => {}));
  return turn;
}

async function leased(name: string, run: () => Promise<void>, begun: () => boolean) {
  const id = Math.random().toString(36);
  let store = localStore();
  const own = () => store?.getItem(name)?.startsWith(id);
  const renew = () => {
    try {
      store?.setItem(name, `${id} ${Date.now() + leaseMs}`);
    } catch {
      store = undefined; // the storage is full: this tab continues alone
    }
  };
  while (store && !begun()) {
    const left = Number(store.getItem(name)?.split(" ")[1]) - Date.now();
    if (!(left > 0 && left <= leaseMs)) { // a longer lease was written with a wrong clock
      renew();
      await sleep(20); // detects another tab that wrote at the same moment
      if (own()) break;
    }
    await sleep(30 + Math.random() * 40);
  }
  const renewal = setInterval(() => own() && renew(), leaseMs / 3);
  try {
    await run();
  } finally {
    clearInterval(renewal);
    if (own()) store?.removeItem(name);
  }
}
