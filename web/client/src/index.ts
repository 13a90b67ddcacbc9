import { absolute, originOf } from "./address.js";
import { LatchkeyError, errorOf, lost, told } from "./error.js";
import { exclusive, sleep } from "./lock.js";
import { passing, refused, retrying } from "./retry.js";
import { browserStore, load, type Kept } from "./store.js";
import type { Change, Client, LoginSession, Options, Session, User } from "./types.js";

export { LatchkeyError } from "./error.js";
export type * from "./types.js";

/** The timeout of a request. */
const timeoutMs = 10_000;
/** The minimum time before a refresh on suspicion: the local clock may be wrong, or cookies blocked. */
const pauseMs = 20_000;

/** The response to a login or a refresh: the user, and the tokens that are delivered in the body. */
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

/** Returns a client. Each page or app needs only one. */
export function createClient(options: Options): Client {
  const { storage, origins = [] } = options;
  const base = options.baseUrl.replace(/\/+$/, "");
  // Computed for each request: a page may change its base, and a server has none.
  const trusted = (address: string) => {
    const origin = originOf(address);
    return !!origin && [base, globalThis.location?.href, ...origins].some((u) => u && originOf(u) === origin);
  };
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
        setTimeout(() => { throw e; }); // an exception of a listener must not affect the client
      }
    });
  if (channel) {
    channel.onmessage = async ({ data }) => {
      // If the storage belongs to this tab alone, messages of other tabs do not concern its
      // session.
      const kept = storage ? await read().catch(() => null) : null;
      if (!storage || (data.type === "logout" ? !kept : kept?.expires === data.session.expires)) hear(data);
    };
  }
  (channel as { unref?(): void } | undefined)?.unref?.(); // lets Node exit

  const read = () => load(store, key);
  const publicPart = ({ id, at, access, refresh, ...session }: Kept): Session => session;

  async function keep(type: "login" | "refresh", answer: Answer) {
    const {
      accessToken, refreshToken, deviceToken, accessTokenExpiryDate, refreshTokenExpiryDate, refreshAfter, outcome, generation, ...user
    } = answer ?? ({} as Answer);
    if (!(Date.parse(accessTokenExpiryDate) > 0) || (storage && !(accessToken && refreshToken))) {
      throw lost(answer); // the response is not from the service
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
    } catch {} // the channel is closed
    hear(change);
  }

  /** Sends a request to the service itself, and returns the body of its response. */
  async function ask(path: string, body?: unknown, headers: Record<string, string> = {}, method = "POST") {
    const url = absolute(base + path);
    if (body) headers["Content-Type"] = "application/json";
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), timeoutMs);
    try {
      const res = await fetch(url, {
        method,
        headers,
        credentials: storage ? "omit" : "include",
        cache: "no-store",
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: stop.signal,
      }).catch((e) => {
        throw lost(e);
      });
      // Reads the body as well before the timeout. A body that is not JSON is not from the service.
      const said = res.status === 204 ? {} : await res.text().then((text) => (text || res.status !== 202 ? JSON.parse(text) : {})).catch(() => null);
      if (!res.ok) throw errorOf(res, said);
      if (!said) throw lost();
      const known = storage && res.headers.get("X-Device-Token");
      if (known) await store.setItem(device, known);
      return said;
    } finally {
      clearTimeout(timer);
    }
  }

  const delivery = () => ({ "X-Token-Delivery": storage ? "body" : "cookie" });

  async function deviceToken(): Promise<Record<string, string>> {
    const known = storage && (await store.getItem(device));
    return known ? { "X-Device-Token": known } : {};
  }

  /** Refreshes, unless another tab has changed the session that the caller has seen. */
  function refresh(seen: Kept | null): Promise<boolean> {
    return (refreshing ??= new Promise<boolean>((done, fail) => {
      // A refresh by another tab also serves this tab, once its result is known.
      const stop = subscribe((change) => change.type !== "login" && done(change.type === "refresh"));
      retrying(() => exclusive(key, () => refreshOnce(seen)), passing).then(done, fail).finally(stop);
    }).finally(() => (refreshing = undefined)));
  }

  async function refreshOnce(seen: Kept | null): Promise<boolean> {
    const now = await read();
    if (now?.id !== seen?.id) return !!now; // another tab refreshed or logged in or out
    if (storage && !now?.refresh) return false;
    const answer: Answer | null = await ask("/users/refresh", storage && { refreshToken: now!.refresh }, delivery()).catch((e) => {
      if (e.retry === "login") return null;
      throw e; // the session continues
    });
    // This tab may have been stopped for so long that another tab refreshed.
    const then = await read();
    if (then?.id !== seen?.id) return !!then;
    if (answer) await keep("refresh", answer);
    else if (then) await forget();
    return !!answer;
  }

  /**
   * Runs send with the session, which it refreshes ahead of its expiry. It runs send
   * once more after a refresh if that can help.
   */
  async function withSession<T>(
    send: (kept: Kept | null) => Promise<T>,
    problem: (answer: T) => Promise<LatchkeyError | undefined>,
    mayRepeat = true,
    still = <V>(work: Promise<V>) => work,
  ): Promise<T> {
    const seen = await read();
    let kept = seen;
    // If another tab logs in a second user meanwhile, a request of the first user must not be sent
    // as the second.
    const other = () => seen && kept && kept.user.id !== seen.user.id;
    const now = Date.now();
    if (seen && now >= seen.refreshAfter && now - seen.at > pauseMs) {
      const ahead = refresh(seen);
      if (now >= seen.expires) {
        await still(ahead); // otherwise the request continues with the current token
        kept = await read();
        if (other()) throw new LatchkeyError(401, "session_revoked", "Another user has logged in. Try again.", "login");
      } else ahead.catch(() => {});
    }
    const answer = await send(kept);
    const said = await problem(answer);
    // If the access cookie is missing, a service that gets no refresh cookie cannot know that a
    // refresh helps.
    const gone = said?.error === "token_missing" && kept && now - kept.at > pauseMs;
    if (!mayRepeat || !(said?.retry === "refresh" || gone)) return answer;
    if (!(await still(refresh(kept)))) return answer;
    kept = await read();
    return other() ? answer : send(kept);
  }

  async function request(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
    const given = input instanceof Request ? input : undefined;
    const url = given ? given.url : absolute(`${input}`);
    if (!trusted(url)) return fetch(input, init);
    const signal = init.signal ?? given?.signal;
    const still = <T>(work: Promise<T>): Promise<T> =>
      signal ? new Promise((done, fail) => {
        const stop = () => fail(signal.reason ?? Object.assign(new Error("The request was aborted."), { name: "AbortError" }));
        if (signal.aborted) return stop();
        signal.addEventListener("abort", stop);
        work.then(done, fail).finally(() => signal.removeEventListener("abort", stop));
      }) : work;
    const body = init.body as Partial<ReadableStream & AsyncIterable<unknown>> | null | undefined;
    const stream = !!(body?.getReader || body?.[Symbol.asyncIterator]); // can be read once
    const method = init.method ?? given?.method ?? "GET";
    const idempotent = !stream && /^(GET|HEAD|OPTIONS|PUT|DELETE)$/i.test(method); // RFC 9110 9.2.2
    const send = (kept: Kept | null) =>
      retrying(async () => {
        const headers = new Headers(init.headers ?? given?.headers);
        if (kept?.access && !headers.has("Authorization")) headers.set("Authorization", `Bearer ${kept.access}`);
        const res = await fetch(given ? given.clone() : url, {
          ...(storage ? {} : { credentials: "include" as const }),
          ...init,
          headers,
        });
        const error = errorOf(res, null);
        if (idempotent && error.retry === "later") throw Object.assign(error, { res });
        return res;
      }, ({ res }) => {
        if (!idempotent || signal?.aborted) return false;
        res?.body?.cancel(); // frees the connection
        return true;
      }, (ms) => still(sleep(ms))).catch((e) => e.res ?? Promise.reject(e));
    // A 401 to HEAD has no body that names the error.
    const problem = async (res: Response) =>
      res.status === 401 && /^HEAD$/i.test(method) ? errorOf(res, { error: "token_missing" }) : told(res);
    return withSession(send, problem, !stream, still);
  }

  /** Sends a request to the service as the user. */
  async function call(method: string, path: string, body?: unknown) {
    const known = body ? await deviceToken() : {};
    const answer = await withSession(
      (kept) =>
        retrying(
          () => ask(path, body, { ...known, ...(kept?.access ? { Authorization: `Bearer ${kept.access}` } : {}) }, method),
          body ? refused : passing,
        ).catch((e) => (e instanceof LatchkeyError ? e : Promise.reject(e))),
      async (e) => e,
    );
    if (answer instanceof LatchkeyError) throw answer;
    return answer;
  }

  /** Sends a request of a user without a session. */
  const post = (path: string, body: unknown) => retrying(() => ask("/users" + path, body), refused);

  async function change(body: unknown) {
    const { pendingEmail, ...user }: User = await call("PATCH", "/users/me", body);
    await exclusive(key, async () => {
      const kept = await read();
      if (kept?.user.id !== user.id) return; // another user has logged in since
      await store.setItem(key, JSON.stringify({ ...kept, user }));
      tell({ type: "refresh", session: publicPart({ ...kept, user }) });
    });
    return { ...user, ...(pendingEmail && { pendingEmail }) };
  }

  async function me(): Promise<User | null> {
    const who = () =>
      call("GET", "/users/me").catch((e) => {
        if (e.retry === "login" || e.retry === "refresh") return null;
        throw e;
      });
    const user = await who();
    // The stored session may be over, which a refresh detects, or belong to another user.
    const kept = user ? null : await read();
    return kept && (await refresh(kept)) ? who() : user;
  }

  return {
    signUp: (account) => post("", account).then((user) => (user.id ? user : null)),
    forgotPassword: (email) => post("/forgot-password", { email }).then(() => {}),
    resetPassword: (token, newPassword) => post("/reset-password", { token, newPassword }).then(() => {}),
    verifyEmail: (token, password) => post("/verify-email", { token, password }).then(() => {}),
    undoEmail: (token, newPassword) => post("/undo-email", { token, newPassword }).then(() => {}),
    sendVerification: () => call("POST", "/users/me/verify-email").then(() => {}),
    login: (credentials) =>
      retrying(
        () => exclusive(key, async () => keep("login", await ask("/users/login", credentials, { ...delivery(), ...(await deviceToken()) }))),
        (e) => e.status > 0 && e.retry === "later", // a second session does no harm
      ),
    async logout() {
      const seen = await read();
      await retrying(
        () =>
          exclusive(key, async () => {
            const kept = await read();
            if (seen && kept && kept.user.id !== seen.user.id) return; // another user has logged in since
            await ask("/users/logout", storage && { refreshToken: kept?.refresh });
            await forget();
          }),
        passing,
      );
    },
    me,
    changePassword: (currentPassword, newPassword) => call("POST", "/users/me/password", { currentPassword, newPassword }).then(() => {}),
    changeUsername: (username, currentPassword) => change({ username, currentPassword }),
    changeEmail: (email, currentPassword) => change({ email, currentPassword }),
    changeLocale: (locale) => change({ locale }),
    async deleteAccount(currentPassword) {
      const seen = await read();
      await call("DELETE", "/users/me", { currentPassword });
      await exclusive(key, async () => {
        if ((await read())?.user.id === seen?.user.id) await forget();
      });
    },
    sessions: async () => (await call("GET", "/users/me/sessions")).sessions as LoginSession[],
    async revokeSession(id) {
      await call("DELETE", `/users/me/sessions/${encodeURIComponent(id)}`).catch((e) => {
        if (e.error !== "not_found") throw e; // it has ended already
      });
      await me().catch(() => {}); // it may have been this session
    },
    revokeOtherSessions: () => call("DELETE", "/users/me/sessions").then(() => {}),
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
