import type { Session, Store } from "./types.js";

/** A session as it is kept; the tokens are there in body mode only. */
export interface Kept extends Session {
  /** Another one for each answer of the service, so that a newer one is told. */
  id: string;
  /** When the answer came, by this clock. */
  at: number;
  access?: string;
  refresh?: string;
}

/** Returns localStorage if there is a page that may use it. That of Node is one for all users, or does not work. */
export function localStore(): Storage | undefined {
  try {
    return globalThis.document && globalThis.localStorage;
  } catch {
    return undefined; // forbidden
  }
}

/** Returns a store on localStorage. What that does not take lives as long as the page. */
export function browserStore(): Store {
  const memory = new Map<string, string>();
  const local = localStore();
  return {
    getItem: (k) => memory.get(k) ?? local?.getItem(k) ?? null,
    setItem(k, v) {
      try {
        memory.delete(k);
        if (local) return local.setItem(k, v);
      } catch {} // full
      memory.set(k, v);
    },
    removeItem(k) {
      memory.delete(k);
      local?.removeItem(k);
    },
  };
}

/** Reads what was kept. What cannot be understood is not there; a store that fails is an error. */
export async function load(store: Store, key: string): Promise<Kept | null> {
  const text = await store.getItem(key);
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
