import { LatchkeyError, errorOf } from "./error.js";
import { exclusive, sleep } from "./lock.js";
import { browserStore, load, type Kept } from "./store.js";
import type { Change, Client, Options, Session, User } from "./types.js";

export { LatchkeyError } from "./error.js";
export type * from "./types.js";

/** How often a refresh is sent while the service has trouble, and how long one may take. */
const tries = 5;
const timeoutMs = 10_000;
/** No refresh ahead of expiry sooner than this after the last one: this clock may be wrong. */
const pauseMs = 20_000;

/** What a log-in and a refresh answer: the user, and tokens as far as they travel in bodies. */
interface Answer extends User {
  accessToken?: string;
  refreshToken?: string;
  deviceToken?: string;
  accessTokenExpiryDate: string;
  refreshTokenExpiryDate: string;
  refreshAfter: string;
  outcome?: string;
  generation?: number;
}

/** Returns a client. One for each page or app suffices. */
export function createClient(options: Options): Client {
  const { storage, origins = [] } = options;
  const base = options.baseUrl.replace(/\/+$/, "");
  const page = globalThis.location?.href;
  const trusted = new Set([new URL(base, page).origin, page && new URL(page).origin, ...origins]);
  const store = storage ?? browserStore();
  const key = `latchkey:${base}`;
  const device = `${key}:device`;
  const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(key) : undefined;
  const listeners = new Set<(change: Change) => void>();
  let refreshing: Promise<boolean> | undefined;

  const hear = (change: Change) => listeners.forEach((listener) => listener(change));
  if (channel) channel.onmessage = (event) => hear(event.data);
  (channel as { unref?(): void } | undefined)?.unref?.(); // Node stays for nobody

  const read = () => load(store, key);
  const publicPart = ({ id, at, access, refresh, ...session }: Kept): Session => session;

  async function keep(type: "login" | "refresh", answer: Answer) {
    const {
      accessToken, refreshToken, deviceToken, accessTokenExpiryDate, refreshTokenExpiryDate, refreshAfter, outcome, generation, ...user
    } = answer;
    const kept: Kept = {
      id: Math.random().toString(36),
      at: Date.now(),
      user,
      expires: Date.parse(accessTokenExpiryDate),
      refreshAfter: Date.parse(refreshAfter),
      ...(outcome ? { outcome, generation } : {}),
    } as Kept;
    if (storage) {
      kept.access = accessToken!;
      kept.refresh = refreshToken!;
      if (deviceToken) await store.setItem(device, deviceToken);
    }
    await store.setItem(key, JSON.stringify(kept));
    tell({ type, session: publicPart(kept) });
    return user as User;
  }

  async function forget() {
    await store.removeItem(key);
    tell({ type: "logout" });
  }

  function subscribe(listener: (change: Change) => void) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  function tell(change: Change) {
    channel?.postMessage(change);
    hear(change);
  }

  /** Sends a request to the service itself. */
  async function post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    headers["X-Token-Delivery"] = storage ? "body" : "cookie";
    if (body) headers["Content-Type"] = "application/json";
    try {
      return await fetch(base + path, {
        method: "POST",
        headers,
        credentials: storage ? "omit" : "include",
        cache: "no-store",
        ...(body ? { body: JSON.stringify(body) } : {}),
        ...(AbortSignal.timeout ? { signal: AbortSignal.timeout(timeoutMs) } : {}),
      });
    } catch (e) {
      throw new LatchkeyError(0, "unreachable", `The service cannot be reached: ${e}`, "later");
    }
  }

  async function ask(path: string, body: unknown, headers?: Record<string, string>) {
    const res = await post(path, body, headers);
    if (!res.ok) throw await errorOf(res);
    return res.status === 204 ? {} : res.json();
  }

  /** Refreshes, unless what is kept is no longer what the caller has seen. */
  function refresh(seen: Kept | null): Promise<boolean> {
    return (refreshing ??= new Promise<boolean>((done, fail) => {
      // Whoever waits for a turn need not, once another tab has told what came of its own.
      const stop = subscribe((change) => done(change.type !== "logout"));
      exclusive(key, () => refreshNow(seen)).then(done, fail).finally(stop);
    }).finally(() => (refreshing = undefined)));
  }

  async function refreshNow(seen: Kept | null): Promise<boolean> {
    const now = await read();
    if (now?.id !== seen?.id) return !!now; // another tab was faster, or logged out
    if (storage && !now?.refresh) return false;
    for (let n = 1; ; n++) {
      let failed: LatchkeyError;
      try {
        await keep("refresh", await ask("/users/refresh", storage && { refreshToken: now!.refresh }));
        return true;
      } catch (e) {
        if (!(e instanceof LatchkeyError)) throw e;
        failed = e;
      }
      if (failed.retry === "login") {
        if (now) await forget();
        return false;
      }
      // Trouble of the service or on the way there logs nobody out.
      const passing = !failed.status || failed.status >= 500 || failed.status === 429;
      if (!passing || n === tries) throw failed;
      await sleep(Math.max((failed.retryAfter ?? 0) * 1000, 250 * 2 ** n) * (0.75 + Math.random() / 2));
    }
  }

  async function request(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
    const url = new URL(input instanceof Request ? input.url : input, page);
    if (!trusted.has(url.origin)) return fetch(input, init);
    let seen = await read();
    const now = Date.now();
    if (seen && now >= seen.refreshAfter && now - seen.at > pauseMs) {
      const ahead = refresh(seen);
      if (now >= seen.expires) {
        await ahead; // else the request goes on with the token that it has
        seen = await read();
      } else ahead.catch(() => {});
    }
    const send = (kept: Kept | null) => {
      const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
      if (kept?.access && !headers.has("Authorization")) headers.set("Authorization", `Bearer ${kept.access}`);
      return fetch(input instanceof Request ? input.clone() : input, {
        ...init,
        headers,
        ...(storage ? {} : { credentials: "include" as const }),
      });
    };
    const res = await send(seen);
    if (res.status !== 401 || (await errorOf(res.clone())).retry !== "refresh") return res;
    if (init.body instanceof ReadableStream || !(await refresh(seen))) return res;
    return send(await read());
  }

  return {
    signUp: async (account) => ask("/users", account),
    login: (credentials) =>
      exclusive(key, async () => {
        const known = storage && (await store.getItem(device));
        return keep("login", await ask("/users/login", credentials, known ? { "X-Device-Token": known } : {}));
      }),
    logout: () =>
      exclusive(key, async () => {
        const kept = await read();
        await ask("/users/logout", storage && { refreshToken: kept?.refresh });
        await forget();
      }),
    async me() {
      const res = await request(`${base}/users/me`);
      if (res.ok) return res.json();
      if (res.status === 401) return null;
      throw await errorOf(res);
    },
    fetch: request,
    refresh: async () => refresh(await read()),
    async session() {
      const kept = await read();
      return kept && publicPart(kept);
    },
    subscribe,
    close: () => channel?.close(),
  };
}
