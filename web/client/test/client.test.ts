import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createClient, LatchkeyError, type Change, type Client } from "../src/index.js";
import { Service } from "./service.js";

const service = new Service();
beforeAll(() => service.start());
afterAll(() => service.stop());

/** A store as an app on a phone has one: it answers later. */
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
  /** Changes the session that is kept. */
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

const me = () => client.fetch(`${service.url}/api/users/me`);

/** Makes the access token one that the service refuses. */
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
  expect(await client.me()).not.toBeNull(); // a failed log-in ends nothing
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

test("a logout whose answer got lost has ended the session", async () => {
  service.fault = (_, res) => {
    res.destroy();
    return true;
  };
  expect(await client.logout().catch((e) => e)).toMatchObject({ status: 0, retry: "later" });
  service.fault = () => false;
  expect(await client.me()).toBeNull(); // the access token of an ended session is worth nothing
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
    // While the request of the one is under way, another tab logs in the other.
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
  store.change({ refreshAfter: 1, expires: 2, at: 3 }); // over: the request waits for a refresh
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
