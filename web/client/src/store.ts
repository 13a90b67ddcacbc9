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

/** localStorage, or if that cannot be used what lives as long as the page. */
export function browserStore(): Store {
  try {
    const s = globalThis.localStorage;
    s.setItem("latchkey", "");
    s.removeItem("latchkey");
    return s;
  } catch {
    const m = new Map<string, string>();
    return {
      getItem: (k) => m.get(k) ?? null,
      setItem: (k, v) => m.set(k, v),
      removeItem: (k) => m.delete(k),
    };
  }
}

/** Reads what was kept; what cannot be read is not there. */
export async function load(store: Store, key: string): Promise<Kept | null> {
  try {
    return JSON.parse((await store.getItem(key)) ?? "null");
  } catch {
    return null;
  }
}
