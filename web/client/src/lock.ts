export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** How long a lease is; whoever works renews it, so that a tab that is gone keeps nobody waiting. */
const leaseMs = 3_000;

/** Runs f while nobody else in this origin does, in whichever tab. */
export async function exclusive<T>(name: string, f: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  let begun = false;
  const run = () => ((begun = true), f());
  if (locks) {
    try {
      return (await locks.request(name, run)) as T;
    } catch (e) {
      if (begun) throw e; // else the page may not have locks: it is in a sandbox
    }
  }
  return lease(`${name}:lock`, run);
}

const queues = new Map<string, Promise<unknown>>();

/**
 * Where there are no Web Locks (old browsers, plain http, React Native): one after
 * the other in this tab, and between tabs a lease in localStorage. It is not
 * watertight, and need not be: the service honours requests that cross.
 */
function lease<T>(name: string, f: () => Promise<T>): Promise<T> {
  const mine = (queues.get(name) ?? Promise.resolve()).then(() => leased(name, f));
  queues.set(name, mine.catch(() => {}));
  return mine;
}

async function leased<T>(name: string, f: () => Promise<T>): Promise<T> {
  const id = Math.random().toString(36);
  let renewal: ReturnType<typeof setInterval> | undefined;
  let store: Storage | undefined;
  const renew = () => {
    try {
      store?.setItem(name, `${id} ${Date.now() + leaseMs}`);
    } catch {
      store = undefined; // it is full: this tab goes on alone
    }
  };
  try {
    store = globalThis.localStorage;
  } catch {} // it is forbidden
  while (store) {
    const left = Number(store.getItem(name)?.split(" ")[1]) - Date.now();
    if (!(left > 0 && left <= leaseMs)) { // one that is longer is of a clock that was wrong
      renew();
      await sleep(20); // whoever wrote in the same moment is seen
      if (store?.getItem(name)?.startsWith(id)) break;
    }
    await sleep(30 + Math.random() * 40);
  }
  if (store) renewal = setInterval(renew, leaseMs / 3);
  try {
    return await f();
  } finally {
    clearInterval(renewal);
    if (store?.getItem(name)?.startsWith(id)) store.removeItem(name);
  }
}
