import type { Session, Store } from "./types.js";

/** A session in the store. It contains tokens only in body mode. */
export interface Kept extends Session {
  /** A new ID for each response of the service, so that a newer session is detected. */
  id: string;
  /** The time of the response, by the local clock. */
  at: number;
  access?: string;
  refresh?: string;
}

/** Returns localStorage if there is a page that may use it. Node's localStorage is shared by all users, or does not work. */
export function localStore(): Storage | undefined {
  try {
    return globalThis.document && globalThis.localStorage;
  } catch {
    return undefined; // forbidden
  }
}

/** Returns a store on localStorage. Values that do not fit there are kept as long as the page lives. */
export function browserStore(): Store {
  const memory = new Map<string, string>();
  const local = localStore();
  return {
    getItem: (k) => memory.get(k) ?? local?.getItem(k) ?? null,
    setItem(k, v) {
      try {
        memory.delete(k);
        if (local) return local.setItem(k, v);
      } catch {} // the storage is full
      memory.set(k, v);
    },
    removeItem(k) {
      memory.delete(k);
      local?.removeItem(k);
    },
  };
}

/** Reads the stored session. Returns null if it cannot be parsed. Rejects if the store fails. */
export async function load(store: Store, key: string): Promise<Kept | null> {
  const text = await store.getItem(key);
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
