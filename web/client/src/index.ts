import { LatchkeyError, errorOf, told } from "./error.js";
import { exclusive, sleep } from "./lock.js";
import { browserStore, load, type Kept } from "./store.js";
import type { Change, Client, Options, Session, User } from "./types.js";

export { LatchkeyError } from "./error.js";
export type * from "./types.js";

/** How often a refresh is sent while the service has trouble, and how long one may take. */
const tries = 5;
const timeoutMs = 10_000;
/** Who is told to come again later than this is told so at once, and need not wait here. */
const patienceMs = 10_000;
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
  // Where relative addresses lead, which a page may change.
  const page = () => globalThis.document?.baseURI ?? globalThis.location?.href;
  const trusted = new Set([base, globalThis.location?.href, ...origins].flatMap((u) => (u ? new URL(u, page()).origin : [])));
  const store = storage ?? browserStore();
  const key = `latchkey:${base}`;
  const device = `${key}:device`;
  const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(key) : undefined;
  const listeners = new Set<(change: Change) => void>();
  let refreshing: Promise<boolean> | undefined;

  const hear = (change: Change) =>
    listeners.forEach((listener) => {
      try {
        listener(change);
      } catch (e) {
        setTimeout(() => { throw e; }); // the listener's own affair
      }
    });
  if (channel) {
    channel.onmessage = async ({ data }) => {
      // A storage may be this tab's alone: then what others do is not about it.
      const kept = storage ? await read().catch(() => null) : null;
      if (!storage || (data.type === "logout" ? !kept : kept?.expires === data.session.expires)) hear(data);
    };
  }
  (channel as { unref?(): void } | undefined)?.unref?.(); // Node stays for nobody

  const read = () => load(store, key);
  const publicPart = ({ id, at, access, refresh, ...session }: Kept): Session => session;

  async function keep(type: "login" | "refresh", answer: Answer) {
    const {
      accessToken, refreshToken, deviceToken, accessTokenExpiryDate, refreshTokenExpiryDate, refreshAfter, outcome, generation, ...user
    } = answer ?? ({} as Answer);
    if (!(Date.parse(accessTokenExpiryDate) > 0) || (storage && !(accessToken && refreshToken))) {
      throw new LatchkeyError(0, "unreachable", "The answer is not one of the service.", "later");
    }
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
    try {
      channel?.postMessage(change);
    } catch {} // closed
    hear(change);
  }

  /** Sends a request to the service itself. */
  async function post(path: string, body?: unknown, headers: Record<string, string> = {}) {
    headers["X-Token-Delivery"] = storage ? "body" : "cookie";
    if (body) headers["Content-Type"] = "application/json";
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), timeoutMs);
    try {
      const res = await fetch(base + path, {
        method: "POST",
        headers,
        credentials: storage ? "omit" : "include",
        cache: "no-store",
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: stop.signal,
      });
      // The body as well, before the time is up; what is no JSON is not from the service.
      return { res, said: res.status === 204 ? {} : await res.json() };
    } catch (e) {
      throw new LatchkeyError(0, "unreachable", `The service cannot be reached: ${e}`, "later");
    } finally {
      clearTimeout(timer);
    }
  }

  async function ask(path: string, body: unknown, headers?: Record<string, string>) {
    const { res, said } = await post(path, body, headers);
    if (!res.ok) throw errorOf(res, said);
    return said;
  }

  /** Refreshes, unless what is kept is no longer what the caller has seen. */
  function refresh(seen: Kept | null): Promise<boolean> {
    return (refreshing ??= new Promise<boolean>((done, fail) => {
      // Whoever waits for a turn need not, once another tab has told what came of its own.
      const stop = subscribe((change) => change.type !== "login" && done(change.type === "refresh"));
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
      if (!passing || n === tries || (failed.retryAfter ?? 0) * 1000 > patienceMs) throw failed;
      await sleep(Math.max((failed.retryAfter ?? 0) * 1000, 250 * 2 ** n) * (0.75 + Math.random() / 2));
    }
  }

  async function request(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
    const url = new URL(input instanceof Request ? input.url : input, page());
    if (!trusted.has(url.origin)) return fetch(input, init);
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined);
    const still = <T>(work: Promise<T>): Promise<T> =>
      signal ? Promise.race([work, new Promise<never>((_, gone) => {
        const stop = () => gone(signal.reason);
        if (signal.aborted) stop();
        else signal.addEventListener("abort", stop, { once: true });
      })]) : work;
    const seen = await read();
    let kept = seen;
    // Another tab may log in somebody else meanwhile: what one wanted, the other must not do.
    const other = () => seen && kept && kept.user.id !== seen.user.id;
    const now = Date.now();
    if (seen && now >= seen.refreshAfter && now - seen.at > pauseMs) {
      const ahead = refresh(seen);
      if (now >= seen.expires) {
        await still(ahead); // else the request goes on with the token that it has
        kept = await read();
        if (other()) throw new LatchkeyError(401, "session_revoked", "Whoever asked for this is no longer logged in.", "login");
      } else ahead.catch(() => {});
    }
    const send = (kept: Kept | null) => {
      const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
      if (kept?.access && !headers.has("Authorization")) headers.set("Authorization", `Bearer ${kept.access}`);
      return fetch(input instanceof Request ? input.clone() : url, {
        ...(storage ? {} : { credentials: "include" as const }),
        ...init,
        headers,
      });
    };
    const res = await send(kept);
    if ((await told(res)).retry !== "refresh") return res;
    if (typeof ReadableStream === "function" && init.body instanceof ReadableStream) return res;
    if (!(await still(refresh(kept)))) return res;
    kept = await read();
    return other() ? res : send(kept);
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
      const error = await told(res);
      if (error.retry === "login" || error.retry === "refresh") return null;
      throw error;
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
