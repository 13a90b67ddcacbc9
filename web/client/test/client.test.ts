import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { createClient, LatchkeyError, type Change, type Client } from "../src/index.js";
import { absolute, originOf } from "../src/address.js";
import { exclusive } from "../src/lock.js";
import { Service } from "./service.js";

const service = new Service();
beforeAll(() => service.start());
afterAll(() => service.stop());

/** A store like the store of a mobile app: it is asynchronous. */
class PhoneStore {
  kept = new Map<string, string>();
  async getItem(key: string) {
    return this.kept.get(key) ?? null;
  }
  async setItem(key: string, value: string) {
    this.kept.set(key, value);
  }
  async removeItem(key: string) {
    this.kept.delete(key);
  }
  /** Changes the stored session. */
  change(change: Record<string, unknown>) {
    const key = `latchkey:${service.url}/api`;
    this.kept.set(key, JSON.stringify({ ...JSON.parse(this.kept.get(key)!), ...change }));
  }
  get session() {
    return JSON.parse(this.kept.get(`latchkey:${service.url}/api`) ?? "null");
  }
}

const refreshPath = "/api/users/refresh";
const password = "correct horse";
let name = 0;
let store: PhoneStore;
let client: Client;
let changes: Change[];

beforeEach(async () => {
  service.fault = () => false;
  service.deaf = () => false;
  client?.close();
  store = new PhoneStore();
  client = createClient({ baseUrl: `${service.url}/api/`, storage: store });
  changes = [];
  client.subscribe((change) => changes.push(change));
  name++;
  await client.signUp({ username: `ada${name}`, email: `ada${name}@example.org`, password });
  await client.login({ username: `ada${name}`, password });
  service.seen.clear();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A fault: replaces the first responses of a path by another response, or by none. */
const failing = (path: string, times: number, status = 0, body = "", headers: Record<string, string> = {}) => {
  let n = 0;
  service.fault = (req, res) => {
    if (req.url !== path || n++ >= times) return false;
    if (!status) res.destroy();
    else res.writeHead(status, { "Content-Type": "application/problem+json", ...headers }).end(body);
    return true;
  };
};
const problem = (error: string) => JSON.stringify({ error, message: "Try again.", retry: "later" });

const me = () => client.fetch(`${service.url}/api/users/me`);

/** Replaces the access token by a token that the service refuses. */
const spoil = () => store.change({ access: store.session.access.slice(0, -6) + "AAAAAA" });

test("signs up, logs in and out, and says who is logged in", async () => {
  expect(await client.me()).toMatchObject({ username: `ada${name}`, privilege: 0 });
  expect((await client.session())!.user.email).toBe(`ada${name}@example.org`);
  expect(JSON.stringify(await client.session())).not.toContain("eyJ");
  await client.logout();
  expect(await client.me()).toBeNull();
  expect(await client.session()).toBeNull();
  expect(changes.map((c) => c.type)).toEqual(["login", "logout"]);
});

test("says what is wrong", async () => {
  const wrong = await client.login({ username: "ada", password: "wrong horse" }).catch((e) => e);
  expect(wrong).toBeInstanceOf(LatchkeyError);
  expect(wrong).toMatchObject({ status: 401, error: "invalid_credentials" });
  const short = await client.signUp({ username: "x", email: "x@example.org", password: "short" }).catch((e) => e);
  expect(short).toMatchObject({ status: 400, fields: { password: expect.any(String) } });
  expect(await client.me()).not.toBeNull(); // a failed login ends no session
});

test("refreshes once for all callers and tabs", async () => {
  spoil();
  const tab = createClient({ baseUrl: `${service.url}/api`, storage: store });
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, () => me()),
    ...Array.from({ length: 20 }, () => tab.fetch(`${service.url}/api/users/me`)),
  ]);
  tab.close();
  expect(answers.map((a) => a.status)).toEqual(Array(40).fill(200));
  expect(service.count(refreshPath)).toBe(1);
});

test("refreshes ahead of expiry without keeping anybody waiting", async () => {
  store.change({ refreshAfter: Date.now() - 1, at: Date.now() - 60_000 });
  const before = store.session.access;
  expect((await me()).status).toBe(200);
  await expect.poll(() => store.session.access).not.toBe(before);
  expect(service.count(refreshPath)).toBe(1);
  expect(changes.at(-1)!.type).toBe("refresh");
});

test("a clock that is wrong by hours costs no storm of refreshes", async () => {
  store.change({ refreshAfter: Date.now() - 3_600_000, expires: Date.now() - 3_500_000, at: Date.now() });
  for (let n = 0; n < 5; n++) expect((await me()).status).toBe(200);
  expect(service.count(refreshPath)).toBe(0);
});

test("an answer that is lost logs nobody out", async () => {
  spoil();
  let dropped = 0;
  service.fault = (req, res) => {
    if (req.url !== refreshPath || dropped++ > 0) return false;
    res.destroy();
    return true;
  };
  expect((await me()).status).toBe(200);
  expect(dropped).toBe(2);
  expect(await client.refresh()).toBe(true);
  expect(changes.some((c) => c.type === "logout")).toBe(false);
});

test("trouble of the service is no logout, and is left in peace", async () => {
  spoil();
  const at: number[] = [];
  service.fault = (req, res) => {
    if (req.url !== refreshPath) return false;
    at.push(Date.now());
    res.writeHead(503, { "Content-Type": "application/problem+json", "Retry-After": "0" });
    res.end('{"status":503,"error":"store_unavailable","message":"Try again.","retry":"later"}');
    return true;
  };
  const failed = await me().catch((e) => e);
  expect(failed).toMatchObject({ status: 503, error: "store_unavailable", retry: "later" });
  expect(at.length).toBe(5);
  for (let n = 2; n < at.length; n++) expect(at[n]! - at[n - 1]!).toBeGreaterThan((at[n - 1]! - at[n - 2]!) * 0.9);
  expect(changes.map((c) => c.type)).toEqual(["login"]);
  service.fault = () => false;
  expect((await me()).status).toBe(200);
  expect((await client.session())!.outcome).toMatch(/replayed|kept|rotated/);
});

test("a logout that the service did not hear is none", async () => {
  service.deaf = () => true;
  expect(await client.logout().catch((e) => e)).toMatchObject({ status: 0, retry: "later" });
  service.deaf = () => false;
  expect(await client.me()).not.toBeNull();
});

test("a logout whose answer is lost is sent again", async () => {
  failing("/api/users/logout", 1);
  await client.logout();
  expect(service.count("/api/users/logout")).toBe(2);
  expect(await client.session()).toBeNull();
});

test("a session that the service has ended is over here as well", async () => {
  const res = await fetch(`${service.url}/api/users/logout`, {
    method: "POST",
    headers: { Authorization: `Bearer ${store.session.access}` },
  });
  expect(res.status).toBe(204);
  expect(await client.session()).not.toBeNull();
  expect(await client.me()).toBeNull();
  expect(await client.session()).toBeNull();
  expect(changes.at(-1)).toEqual({ type: "logout" });
});

test("a session that was ended elsewhere is over, and everybody is told", async () => {
  const phone = createClient({ baseUrl: `${service.url}/api`, storage: new PhoneStore() });
  await phone.login({ username: `ada${name}`, password });
  const ended = await phone.fetch(`${service.url}/api/users/me/sessions`, { method: "DELETE" });
  expect(ended.ok).toBe(true);
  phone.close();
  changes.length = 0;
  expect(await client.refresh()).toBe(false);
  expect(await client.session()).toBeNull();
  expect(changes).toEqual([{ type: "logout" }]);
  expect(await client.refresh()).toBe(false);
});

test("tabs are told of each other", async () => {
  const heard: Change[] = [];
  const tab = createClient({ baseUrl: `${service.url}/api`, storage: store });
  tab.subscribe((change) => heard.push(change));
  await client.logout();
  await expect.poll(() => heard.map((c) => c.type)).toEqual(["logout"]);
  await client.login({ email: `ada${name}@example.org`, password });
  await expect.poll(() => heard.map((c) => c.type)).toEqual(["logout", "login"]);
  expect(JSON.stringify(heard)).not.toContain("eyJ");
  tab.close();
});

test("no token for anybody else", async () => {
  const got: (string | undefined)[] = [];
  const other = createServer((req, res) => {
    got.push(req.headers.authorization);
    res.end();
  }).listen(0, "127.0.0.1");
  await new Promise((done) => other.once("listening", done));
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  await client.fetch(url);
  const api = createClient({ baseUrl: `${service.url}/api`, storage: store, origins: [url] });
  await api.fetch(`${url}/orders`);
  await api.fetch(new Request(`${url}/orders`, { headers: { Authorization: "Bearer mine" } }));
  api.close();
  other.close();
  expect(got).toEqual([undefined, expect.stringMatching(/^Bearer eyJ/), "Bearer mine"]);
});

test("a request is sent again with its body, and a stream is not", async () => {
  const change = JSON.stringify({ currentPassword: password, newPassword: "better horse 7" });
  const headers = { "Content-Type": "application/json" };
  const url = `${service.url}/api/users/me/password`;
  spoil();
  const stream = new Blob([change]).stream();
  const streamed = await client.fetch(url, { method: "POST", body: stream, headers, duplex: "half" } as RequestInit);
  expect(streamed.status).toBe(401);
  spoil();
  expect((await client.fetch(new Request(url, { method: "POST", body: change, headers }))).status).toBe(204);
});

test("a phone shows its device at the next log-in", async () => {
  const shown: unknown[] = [];
  service.fault = (req) => {
    if (req.url === "/api/users/login") shown.push(req.headers["x-device-token"]);
    return false;
  };
  await client.logout();
  await client.login({ username: `ada${name}`, password });
  expect(shown).toEqual([expect.any(String)]);
});

test("what one user wanted is not done as another", async () => {
  spoil();
  name++;
  const other = { username: `eve${name}`, email: `eve${name}@example.org`, password };
  await client.signUp(other);
  let done = 0;
  service.fault = (req) => {
    // While the request of the first user is in progress, another tab logs in the second user.
    if (req.url === "/api/users/me/sessions" && req.method === "DELETE") done++;
    return false;
  };
  const tab = createClient({ baseUrl: `${service.url}/api`, storage: store });
  const [answer] = await Promise.all([
    client.fetch(`${service.url}/api/users/me/sessions`, { method: "DELETE" }),
    tab.login(other),
  ]);
  tab.close();
  expect([204, 401]).toContain(answer.status);
  if (answer.status === 401) expect(done).toBe(1);
});

test("a store that fails is no logout", async () => {
  store.getItem = () => Promise.reject(new Error("the key chain is locked"));
  await expect(client.refresh()).rejects.toThrow("locked");
  await expect(client.me()).rejects.toThrow("locked");
  await expect(client.logout()).rejects.toThrow("locked");
  store.getItem = PhoneStore.prototype.getItem;
  expect(await client.me()).not.toBeNull();
});

test("an answer that is not the service's changes nothing", async () => {
  for (const said of ["{}", "<html>Sign in to the Wi-Fi</html>", "null"]) {
    let sent = 0;
    service.fault = (req, res) => {
      if (req.url !== refreshPath || sent++) return false;
      res.writeHead(200, { "Content-Type": "application/json" });
      res.end(said);
      return true;
    };
    expect(await client.refresh()).toBe(true);
    expect(sent).toBe(2);
  }
  expect(changes.some((c) => c.type === "logout")).toBe(false);
});

test("who is told to come in an hour is told so at once", async () => {
  service.fault = (req, res) => {
    if (req.url !== refreshPath) return false;
    res.writeHead(503, { "Content-Type": "application/problem+json", "Retry-After": "3600" });
    res.end('{"status":503,"error":"store_unavailable","message":"Try again.","retry":"later"}');
    return true;
  };
  const begin = Date.now();
  await expect(client.refresh()).rejects.toMatchObject({ status: 503, retryAfter: 3600 });
  expect(Date.now() - begin).toBeLessThan(2000);
});

test("a tab with a storage of its own does not hear others log out", async () => {
  const heard: Change[] = [];
  const own = createClient({ baseUrl: `${service.url}/api`, storage: new PhoneStore() });
  own.subscribe((change) => heard.push(change));
  await own.login({ username: `ada${name}`, password });
  await client.logout();
  await new Promise((done) => setTimeout(done, 100));
  expect(heard.map((c) => c.type)).toEqual(["login"]);
  expect(await own.me()).not.toBeNull();
  own.close();
});

test("what was asked before a log-in of somebody else is not sent as them", async () => {
  name++;
  const other = { username: `eve${name}`, email: `eve${name}@example.org`, password };
  await client.signUp(other);
  store.change({ refreshAfter: 1, expires: 2, at: 3 }); // expired: the request waits for a refresh
  let sent = 0;
  service.fault = (req) => {
    if (req.method === "DELETE") sent++;
    return false;
  };
  const tab = createClient({ baseUrl: `${service.url}/api`, storage: store });
  const login = tab.login(other);
  await new Promise((done) => setTimeout(done, 10)); // it has the lock
  const asked = client.fetch(`${service.url}/api/users/me/sessions`, { method: "DELETE" });
  await expect(asked).rejects.toMatchObject({ status: 401, retry: "login" });
  await login;
  tab.close();
  expect(sent).toBe(0);
});

test("a session that is over by the time of a request is a 401, and nobody", async () => {
  const phone = createClient({ baseUrl: `${service.url}/api`, storage: new PhoneStore() });
  await phone.login({ username: `ada${name}`, password });
  await phone.fetch(`${service.url}/api/users/me/sessions`, { method: "DELETE" });
  phone.close();
  store.change({ refreshAfter: 1, expires: 2, at: 3 });
  expect(await client.me()).toBeNull();
});

test("whoever gives up need not wait for a refresh", async () => {
  spoil();
  service.fault = (req, res) => {
    if (req.url !== refreshPath) return false;
    res.destroy();
    return true;
  };
  const begin = Date.now();
  const asked = client.fetch(`${service.url}/api/users/me`, { signal: AbortSignal.timeout(700) });
  await expect(asked).rejects.toMatchObject({ name: "TimeoutError" });
  expect(Date.now() - begin).toBeLessThan(2000);
});

test("a tab that is stopped keeps another one waiting for ten seconds", async () => {
  const requests: AbortSignal[] = [];
  const locks = { request: (_: string, { signal }: LockOptions) => new Promise((_, fail) => {
    requests.push(signal!);
    signal!.addEventListener("abort", () => fail(signal!.reason));
  }) };
  const storage = new Map<string, string>();
  const localStorage = { getItem: (k: string) => storage.get(k), setItem: (k: string, v: string) => storage.set(k, v) };
  for (const stubs of [{ navigator: { locks } }, { navigator: {}, document: {}, localStorage }]) {
    for (const [name, value] of Object.entries(stubs)) vi.stubGlobal(name, value);
    vi.useFakeTimers();
    const renew = () => storage.set("held:lock", `another ${Date.now() + 3000}`);
    const another = setInterval(renew, 500);
    renew();
    let ran = false;
    const done = exclusive("held", async () => (ran = true));
    await vi.advanceTimersByTimeAsync(9_900);
    expect(ran).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(await done).toBe(true);
    expect(storage.get("held:lock")).toContain("another");
    clearInterval(another);
    vi.useRealTimers();
  }
  expect(requests.map((s) => s.aborted)).toEqual([true]); // and it leaves the queue
});

test("a tab that was stopped does not undo what another one did", async () => {
  const twin = new PhoneStore();
  twin.kept = store.kept;
  const tab = createClient({ baseUrl: `${service.url}/api`, storage: twin });
  let resume = () => {};
  const stopped = new Promise<void>((done) => (resume = done));
  store.getItem = async (key) => {
    if (service.count(refreshPath)) await stopped; // the response has arrived, but the tab is stopped
    return store.kept.get(key) ?? null;
  };
  const late = client.refresh();
  await expect.poll(() => service.count(refreshPath)).toBe(1);
  expect(await tab.refresh()).toBe(true);
  const after = store.session;
  resume();
  expect(await late).toBe(true);
  expect(store.session).toEqual(after);
  expect(await tab.refresh()).toBe(true);
  tab.close();
});

test("a relative baseUrl without a page fails at the first request", async () => {
  const server = createClient({ baseUrl: "/api" });
  expect(await server.session()).toBeNull();
  await expect(server.me()).rejects.toThrow(/"\/api\/users\/me" is relative/);
  await expect(server.login({ username: "ada", password })).rejects.toThrow(/absolute/);
  await expect(server.fetch("/orders")).rejects.toThrow(/absolute/);
  expect((await server.fetch(`${service.url}/readyz`)).status).toBe(200);
  server.close();
});

test("a localStorage that does not work, as in Node 25, is not used", async () => {
  vi.stubGlobal("localStorage", {});
  const server = createClient({ baseUrl: `${service.url}/api` });
  expect(await server.session()).toBeNull();
  expect(await server.me()).toBeNull();
  server.close();
});

test("addresses are understood with the URL of React Native, which appends a slash and has no origin",  () => {
  vi.stubGlobal("URL", class {
    constructor(readonly address: string) {}
    get href() { return `${this.address}/`; }
    get origin() { throw new Error("URL.origin is not implemented"); }
    toString() { return this.href; }
  });
  expect(originOf("https://auth.example.org/api?x")).toBe("https://auth.example.org");
  expect(originOf("https://auth.example.org@evil.example/")).not.toBe("https://auth.example.org");
  expect(absolute("https://auth.example.org/api/users/me")).toBe("https://auth.example.org/api/users/me");
});

/** Adds a cookie jar to fetch, like a browser. */
function browse() {
  const jar = new Map<string, string>();
  const send = globalThis.fetch;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    headers.set("Sec-Fetch-Site", "same-origin");
    headers.set("Cookie", [...jar].map(([k, v]) => `${k}=${v}`).join("; "));
    const res = await send(url, { ...init, headers });
    for (const line of res.headers.getSetCookie()) {
      const [, k, v] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (v) jar.set(k!, v);
      else jar.delete(k!);
    }
    return res;
  });
  return jar;
}

test("a page whose access cookie is gone refreshes", async () => {
  const jar = browse();
  const page = createClient({ baseUrl: `${service.url}/api` });
  await page.login({ username: `ada${name}`, password });
  jar.delete("accessToken");
  expect(await page.me()).toMatchObject({ username: `ada${name}` });
  expect(service.count(refreshPath)).toBe(1);
  jar.delete("accessToken");
  vi.useFakeTimers({ now: Date.now() + 30_000, toFake: ["Date"] });
  expect((await page.fetch(`${service.url}/api/users/me/sessions`)).status).toBe(200);
  // A response to HEAD has no problem document that says so.
  for (const method of ["HEAD", "head"]) {
    jar.delete("accessToken");
    vi.setSystemTime(Date.now() + 30_000);
    expect((await page.fetch(`${service.url}/api/users/me`, { method })).status).toBe(200);
  }
  // The refresh was a moment ago.
  jar.delete("accessToken");
  const head = new Request(`${service.url}/api/users/me`, { method: "HEAD" });
  expect((await page.fetch(head)).status).toBe(401);
  vi.useRealTimers();
  page.close();
  // The response says that the page may refresh, although the page has no stored session.
  jar.delete("accessToken");
  const fresh = createClient({ baseUrl: `${service.url}/api` });
  expect(await fresh.me()).toMatchObject({ username: `ada${name}` });
  expect(await fresh.session()).not.toBeNull();
  jar.clear();
  expect(await fresh.me()).toBeNull();
  expect(await fresh.session()).toBeNull();
  fresh.close();
});

test("what may be repeated is, whatever the trouble", async () => {
  const html = { "Content-Type": "text/html" };
  const date = { "Retry-After": new Date(Date.now() + 1000).toUTCString() };
  for (const fault of [[0], [502, "<html>", html], [503, problem("store_unavailable")], [429, problem("rate_limited"), date]] as const) {
    failing("/api/users/me", 1, ...fault);
    expect(await client.me()).toMatchObject({ username: `ada${name}` });
    failing("/api/users/me", 1, ...fault);
    expect((await me()).status).toBe(200);
  }
  failing("/api/users/me", 9, 503, "<html>", { ...html, "Retry-After": "11" });
  service.seen.clear();
  expect((await me()).status).toBe(503);
  expect(await client.me().catch((e) => e)).toMatchObject({ status: 503, retry: "later", retryAfter: 11 });
  expect(service.count("/api/users/me")).toBe(2);
});

test("what must not be done twice is repeated only if it was refused", async () => {
  name++;
  const account = { username: `ada${name}`, email: `ada${name}@example.org`, password };
  failing("/api/users", 1);
  expect(await client.signUp(account).catch((e) => e)).toMatchObject({ status: 0, retry: "later" });
  expect(service.count("/api/users")).toBe(1);
  failing("/api/users", 2, 503, problem("overloaded"));
  await expect(client.signUp(account)).rejects.toMatchObject({ status: 409 }); // the proxy passed all of them on
  expect(service.count("/api/users")).toBe(4);
  failing("/api/users", 1, 503, problem("store_unavailable"));
  await expect(client.signUp(account)).rejects.toMatchObject({ error: "store_unavailable" });
  failing("/api/users/login", 1, 503, problem("store_unavailable"));
  expect(await client.login(account)).toMatchObject({ username: account.username });
  failing("/api/users/login", 1);
  await expect(client.login(account)).rejects.toMatchObject({ error: "unreachable" });
  failing("/api/users/me/password", 1);
  service.seen.clear();
  const posted = await client.fetch(`${service.url}/api/users/me/password`, { method: "POST" }).catch((e) => e);
  expect(posted).toBeInstanceOf(TypeError);
  expect(service.count("/api/users/me/password")).toBe(1);
});

test("an answer to HEAD tells by its header that a refresh helps", async () => {
  let sent = 0;
  const api = createServer((req, res) => {
    sent++;
    const good = req.headers.authorization !== `Bearer ${spoiled}`;
    res.writeHead(good ? 200 : 401, good ? {} : { "WWW-Authenticate": 'Bearer error="invalid_token"' }).end();
  }).listen(0, "127.0.0.1");
  await new Promise((done) => api.once("listening", done));
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const own = createClient({ baseUrl: `${service.url}/api`, storage: store, origins: [url] });
  spoil();
  const spoiled = store.session.access;
  expect((await own.fetch(url, { method: "HEAD" })).status).toBe(200);
  expect(sent).toBe(2);
  own.close();
  api.close();
});

test("shows and ends the sessions of the user, and changes the password", async () => {
  const phones: Client[] = [];
  for (let n = 0; n < 3; n++) {
    phones.push(createClient({ baseUrl: `${service.url}/api`, storage: new PhoneStore() }));
    await phones[n]!.login({ username: `ada${name}`, password });
  }
  const list = await client.sessions();
  expect(list.map((s) => s.current).filter(Boolean)).toEqual([true]);
  expect(list.length).toBe(4);
  expect(list[0]).toMatchObject({ clientId: "latchkey", agent: "node", createdAt: expect.any(String) });

  const first = (await phones[0]!.sessions()).find((s) => s.current)!;
  failing(`/api/users/me/sessions/${first.id}`, 1); // the session has ended, but the response is lost
  await client.revokeSession(first.id);
  await client.revokeSession("9c5b94b1-35ad-49bb-b118-8e8fc24abf80");
  expect(await phones[0]!.me()).toBeNull();
  expect(await client.me()).not.toBeNull();

  const device = [...store.kept].find(([k]) => k.endsWith(":device"))![1];
  await client.changePassword(password, "better horse 7");
  expect([...store.kept].find(([k]) => k.endsWith(":device"))![1]).not.toBe(device);
  expect(await phones[1]!.me()).toBeNull();
  const wrong = await client.changePassword("wrong horse", "better horse 8").catch((e) => e);
  expect(wrong).toMatchObject({ status: 401, error: "invalid_credentials" });

  await phones[2]!.login({ username: `ada${name}`, password: "better horse 7" });
  await phones[2]!.revokeOtherSessions();
  expect(await client.me()).toBeNull();
  expect(changes.at(-1)).toEqual({ type: "logout" });

  const called = await phones[2]!.changeUsername(`countess${name}`, "better horse 7");
  expect(called.username).toBe(`countess${name}`);
  expect((await phones[2]!.session())!.user.username).toBe(`countess${name}`);
  const taken = await phones[2]!.changeUsername("a b", "better horse 7").catch((e) => e);
  expect(taken).toMatchObject({ status: 400, fields: { username: expect.any(String) } });

  expect(await phones[2]!.changeLocale("ko")).toMatchObject({ locale: "ko", username: `countess${name}` });
  expect((await phones[2]!.session())!.user.locale).toBe("ko");

  const own = (await phones[2]!.sessions())[0]!;
  await phones[2]!.revokeSession(own.id);
  expect(await phones[2]!.session()).toBeNull();

  const last = phones[2]!;
  await last.login({ username: `countess${name}`, password: "better horse 7" });
  const refused = await last.deleteAccount("wrong horse").catch((e) => e);
  expect(refused).toMatchObject({ status: 401, error: "invalid_credentials" });
  expect(await last.session()).not.toBeNull();
  const heard: string[] = [];
  last.subscribe((change) => heard.push(change.type));
  await last.deleteAccount("better horse 7");
  expect(await last.session()).toBeNull();
  expect(heard.at(-1)).toBe("logout");
  expect(await last.login({ username: `countess${name}`, password: "better horse 7" }).catch((e) => e)).toMatchObject({ status: 401 });
  for (const phone of phones) phone.close();
});

test("a user verifies the address, forgets the password, and changes the address and back", async () => {
  const name = Math.random().toString(36).slice(2);
  const [from, to] = [`ada${name}@example.org`, `ada${name}@example.net`];
  const client = createClient({ baseUrl: `${service.url}/api`, storage: new PhoneStore() });
  expect(await client.signUp({ username: `ada${name}`, email: from, password, locale: "de" })).toMatchObject({ emailVerified: false, locale: "de" });
  await client.login({ username: `ada${name}`, password });
  await client.verifyEmail(await service.token("verify_email", from));
  expect(await client.me()).toMatchObject({ emailVerified: true });
  await client.sendVerification(); // nothing is left to verify

  await client.forgotPassword(from);
  await client.forgotPassword("nobody@example.org");
  const reset = await service.token("reset_password", from);
  const weak = await client.resetPassword(reset, "short").catch((e) => e);
  expect(weak).toMatchObject({ status: 400, error: "password_rejected", fields: { newPassword: expect.any(String) } });
  await client.resetPassword(reset, "better horse 7");
  expect(await client.resetPassword(reset, "better horse 8").catch((e) => e)).toMatchObject({ status: 400, error: "link_invalid" });
  expect(await client.me()).toBeNull();

  await client.login({ email: from, password: "better horse 7" });
  expect(await client.changeEmail(to, "better horse 7")).toMatchObject({ email: from, pendingEmail: to });
  expect((await client.session())!.user).not.toHaveProperty("pendingEmail");
  await client.verifyEmail(await service.token("confirm_email", to));
  expect(await client.me()).toMatchObject({ email: to });
  await client.undoEmail(await service.token("email_changed", from), "better horse 9");
  expect(await client.me()).toBeNull();
  expect(await client.login({ email: from, password: "better horse 9" })).toMatchObject({ email: from });
  client.close();
});
