export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** How long a lease is; whoever works renews it, so that a tab that is gone keeps nobody waiting. */
const leaseMs = 3_000;

/** Runs f while nobody else in this origin does, in whichever tab. */
export function exclusive<T>(name: string, f: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  return (locks ? locks.request(name, f) : lease(`${name}:lock`, f)) as Promise<T>;
}

const renew = (store: Storage, name: string, id: string) => store.setItem(name, `${id} ${Date.now() + leaseMs}`);

let last: Promise<unknown> = Promise.resolve();

/**
 * Where there are no Web Locks (old browsers, plain http, React Native): one after
 * the other in this tab, and between tabs a lease in localStorage. It is not
 * watertight, and need not be: the service honours requests that cross.
 */
function lease<T>(name: string, f: () => Promise<T>): Promise<T> {
  const run = async () => {
    const id = Math.random().toString(36);
    const store = (() => {
      try {
        return globalThis.localStorage;
      } catch {
        return undefined; // forbidden
      }
    })();
    while (store) {
      if (!(Number(store.getItem(name)?.split(" ")[1]) > Date.now())) {
        renew(store, name, id);
        await sleep(20); // whoever wrote in the same moment is seen
        if (store.getItem(name)?.startsWith(id)) break;
      }
      await sleep(30 + Math.random() * 40);
    }
    const renewal = store && setInterval(() => renew(store, name, id), leaseMs / 3);
    try {
      return await f();
    } finally {
      clearInterval(renewal);
      if (store?.getItem(name)?.startsWith(id)) store.removeItem(name);
    }
  };
  const mine = last.then(run, run);
  last = mine.catch(() => {});
  return mine;
}
