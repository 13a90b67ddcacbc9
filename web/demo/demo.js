import { createClient } from "./client.js";

const $ = (id) => document.getElementById(id);
const api = document.body.dataset.api;
const at = (path) => `${api}${path}`;

// Shows every response: to this page's requests, and to the requests of the client.
const realFetch = globalThis.fetch.bind(globalThis);
globalThis.fetch = async (input, init = {}) => {
  const url = new URL(input instanceof Request ? input.url : input, location.href);
  const line = `${init.method ?? input.method ?? "GET"} ${url.pathname}`;
  try {
    const res = await realFetch(input, init);
    const said = await res.clone().json().catch(() => ({}));
    say(`${line}: ${res.status} ${said.error ?? said.outcome ?? ""} ${said.error ? said.message : ""}`, !res.ok);
    return res;
  } catch (e) {
    say(`${line}: no response`, true);
    throw e;
  }
};

function say(text, bad) {
  const li = document.createElement("li");
  li.textContent = `${new Date().toLocaleTimeString()} ${text.trim()}`;
  li.className = bad ? "bad" : "";
  $("log").prepend(li);
  while ($("log").children.length > 200) $("log").lastChild.remove();
}

const client = createClient({ baseUrl: at("") || "/" });
let session = null;

// A button is disabled while its action runs, so that it cannot be pressed twice.
function press(id, act) {
  $(id).addEventListener("click", async () => {
    $(id).disabled = true;
    await act().catch((e) => say(e.message, true));
    $(id).disabled = false;
    if ($(id).offsetParent) $(id).focus();
  });
}

function submit(id, act) {
  const form = $(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const problem = form.querySelector(".problem");
    problem.textContent = "";
    button.disabled = true;
    try {
      await act(Object.fromEntries(new FormData(form)), form);
      form.reset();
    } catch (e) {
      const fields = Object.entries(e.fields ?? {}).map(([name, what]) => `${name} ${what}`);
      problem.textContent = fields.length ? `${fields.join("; ")}.` : e.message;
    }
    button.disabled = false;
  });
}

async function show(change) {
  const before = session?.user.id;
  session = change ? (change.session ?? null) : await client.session();
  const known = session !== null;
  $("out").hidden = known;
  for (const id of ["in", "devices-section", "password-section", "account-section", "lab"]) $(id).hidden = !known;
  if (!known) {
    leavePhone();
    $("generation").textContent = "known after a refresh";
    $("outcome").textContent = "none yet";
    if (before) $("login-name").focus();
    return;
  }
  for (const whose of document.querySelectorAll(".whose")) whose.value = session.user.username; // for password managers
  showUser(session.user);
  if (session.outcome) {
    $("generation").textContent = session.generation;
    $("outcome").textContent = `${session.outcome}, at ${new Date().toLocaleTimeString()}`;
  }
  tick();
  if (before !== session.user.id) {
    if (before === undefined && change) $("in-title").focus();
    await devices();
  }
}

function showUser(user) {
  $("user").textContent = `${user.username} (${user.email})`;
  $("verified").textContent = `${user.email} is ${user.emailVerified ? "verified" : "not verified yet"}.`;
  $("verify").hidden = user.emailVerified;
  for (const option of $("language-locale").options) option.defaultSelected = option.value === user.locale;
}

async function load() {
  const user = await client.me();
  if (user) showUser(user);
}

function tick() {
  if (!session) return;
  const left = Math.round((session.expires - Date.now()) / 1000);
  $("countdown").textContent = left > 0 ? `${Math.floor(left / 60)} min ${left % 60} s` : "expired: the next request refreshes it";
  $("ahead").textContent = new Date(session.refreshAfter).toLocaleTimeString();
}

async function devices() {
  const list = await client.sessions().catch(() => null); // the log shows the reason
  if (!list) return;
  $("devices").replaceChildren(
    ...list.map((s) => {
      const li = document.createElement("li");
      const text = document.createElement("span");
      text.textContent = `${s.agent || "unknown device"}, ${s.address}, since ${new Date(s.createdAt).toLocaleString()}${s.current ? " (current)" : ""}`;
      const end = document.createElement("button");
      end.type = "button";
      end.className = "quiet";
      end.textContent = "End";
      end.setAttribute("aria-label", `End ${s.agent || "unknown device"}${s.current ? ", current session" : ""}, since ${new Date(s.createdAt).toLocaleTimeString()}`);
      end.addEventListener("click", async () => {
        end.disabled = true;
        await client.revokeSession(s.id).catch((e) => say(e.message, true));
        if (session) await devices();
      });
      li.append(text, end);
      return li;
    }),
  );
}

client.subscribe(show);
show();
setInterval(tick, 1000);
client.me().then(async (user) => {
  // There are cookies of an earlier visit, but no stored session: a refresh returns the state.
  if (user && !session) await client.refresh();
}).catch((e) => say(e.message, true));

submit("login", async (data) => {
  await client.login(data);
});
submit("signup", async (data) => {
  await client.signUp(data);
  await client.login({ username: data.username, password: data.password });
});
submit("password", async (data, form) => {
  form.querySelector(".done").textContent = "";
  await client.changePassword(data.currentPassword, data.newPassword);
  form.querySelector(".done").textContent = "Password changed. All other sessions have ended.";
  await devices();
});
submit("rename", async (data, form) => {
  form.querySelector(".done").textContent = "";
  const user = await client.changeUsername(data.username, data.currentPassword);
  form.querySelector(".done").textContent = `The username is ${user.username}.`;
});
submit("forgot", async (data, form) => {
  await client.forgotPassword(data.email);
  form.querySelector(".done").textContent = "If this address has an account, a link is on its way.";
});
submit("move", async (data, form) => {
  form.querySelector(".done").textContent = "";
  const user = await client.changeEmail(data.email, data.currentPassword);
  form.querySelector(".done").textContent = `Open the link that was sent to ${user.pendingEmail}.`;
});
submit("language", async (data, form) => {
  await client.changeLocale(data.locale);
  form.querySelector(".done").textContent = "Mails are in this language now.";
});
submit("delete", async (data) => {
  await client.deleteAccount(data.currentPassword);
});

let asked;
$("signup-password").addEventListener("input", () => {
  clearTimeout(asked);
  asked = setTimeout(async () => {
    const { password, username, email } = Object.fromEntries(new FormData($("signup")));
    if (!password) return;
    const res = await realFetch(at("/users/password-strength"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ password, username, email }),
    });
    if (!res.ok) return;
    const { score, acceptable, problem } = await res.json();
    $("strength").textContent = acceptable ? `Strength ${score} of 4.` : `The password ${problem}.`;
  }, 400);
});

press("refresh", async () => {
  if (!(await client.refresh())) say("The session has ended. Log in again.", true);
});
press("ask", load);
press("logout", () => client.logout());
press("verify", async () => {
  await client.sendVerification();
  await load();
  say("A link is on its way, unless the address is verified.");
});
press("end-others", async () => {
  await client.revokeOtherSessions();
  await devices();
});
press("expire", async () => {
  const res = await client.fetch(`${document.body.dataset.demo}/expire`, { method: "POST" });
  if (res.ok) say("The access token in the cookie has expired. Load the user: the client refreshes the token and sends the request again.");
});
press("many", async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => client.fetch(at("/users/me"))));
  say(`20 requests at once: ${all.filter((r) => r.ok).length} succeeded.`);
});

// The phone: this page holds its tokens, so that they can be lost and stolen.
let phone = null;
function leavePhone() {
  phone = null;
  $("phone").hidden = false;
  $("phone-lab").hidden = true;
}

async function phoneSend(path, body) {
  const res = await fetch(at(path), {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json", "X-Token-Delivery": "body" },
    body: JSON.stringify(body),
  });
  const said = await res.json();
  if (!res.ok) throw said;
  return said;
}

submit("phone", async (data) => {
  const said = await phoneSend("/users/login", { username: session.user.username, password: data.password });
  phone = { token: said.refreshToken, old: null, replacedAt: 0 };
  $("phone").hidden = true;
  $("phone-lab").hidden = false;
  $("phone-state").textContent = "The phone is logged in, at generation 0.";
  $("phone-refresh").focus();
  await devices();
});

// present sends a refresh token. With keep, the phone receives the response.
async function present(token, keep) {
  try {
    const said = await phoneSend("/users/refresh", { refreshToken: token });
    if (keep && said.refreshToken !== phone.token) {
      phone = { token: said.refreshToken, old: phone.token, replacedAt: Date.now() };
    }
    return said;
  } catch (e) {
    if (e.retry === "login") {
      leavePhone();
      await devices();
    }
    throw e;
  }
}
const grown = (said) => `Outcome: ${said.outcome}, generation ${said.generation}.`;

press("phone-refresh", async () => {
  $("phone-state").textContent = grown(await present(phone.token, true));
});
press("phone-drop", async () => {
  const said = await present(phone.token, false);
  $("phone-state").textContent = `${grown(said)} The phone never saw the response, and still has the old token: refresh again.`;
});
press("phone-replay", async () => {
  if (!phone.old) {
    $("phone-state").textContent = "There is no old token yet: refresh until the outcome is rotated.";
    return;
  }
  $("phone-state").textContent = grown(await present(phone.old, false));
});
press("phone-steal", async () => {
  if (!phone.old) {
    $("phone-state").textContent = "There is no old token yet: refresh until the outcome is rotated.";
    return;
  }
  // The successor must have been used, or the old token might be an honest retry.
  const { old: stolen, replacedAt } = phone;
  await present(phone.token, true);
  for (let left; (left = Math.ceil((replacedAt + 11_000 - Date.now()) / 1000)) > 0; ) {
    $("phone-state").textContent = `The phone has used its token. The thief uses the old token in ${left} s …`;
    await new Promise((done) => setTimeout(done, 1000));
  }
  $("phone-state").textContent = grown(await present(stolen, false));
});
