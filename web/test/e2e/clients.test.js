// Runs the code in docs/clients.md, word for word, against a Latchkey.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { start } from './service.js'

const text = readFileSync(new URL('../../../docs/clients.md', import.meta.url), 'utf8')
const password = 'correct horse battery'
let service, api, dir, refreshes

before(async () => {
  service = await start()
  api = `${service.base}/api`
  dir = mkdtempSync(join(import.meta.dirname ?? '.', 'node_modules', '.recipes-')) // the directory from which their imports resolve
  await post('/users', { username: 'ada', email: 'ada@example.org', password })
  // Counts the requests of all recipes.
  const send = globalThis.fetch
  globalThis.fetch = (url, init) => {
    if (String(url).endsWith('/users/refresh')) refreshes++
    return send(url, init)
  }
})

after(() => {
  service?.stop()
  rmSync(dir, { recursive: true, force: true })
})

// recipe returns the code block of the page with a name.
function recipe (name) {
  const block = new RegExp('^```(?:js|sh) ' + name + '\n([^]*?)^```', 'm').exec(text)
  assert.ok(block, `docs/clients.md has no block ${name}`)
  return block[1]
}

async function load (name) {
  const path = join(dir, `${name}.mjs`)
  writeFileSync(path, recipe(name))
  return import(path)
}

async function post (path, body, headers = {}) {
  const res = await fetch(api + path, {
    method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body)
  })
  assert.ok(res.ok, `${path}: ${res.status}`)
  return res
}

// spoiled returns a token that the service refuses like an expired token.
const spoiled = token => token.slice(0, -6) + 'AAAAAA'

for (const name of ['axios', 'axios-auth-refresh']) {
  test(`${name}: ten requests at once, one refresh`, async () => {
    const { createApi } = await load(name)
    const tokens = await post('/users/login', { username: 'ada', password }, { 'X-Token-Delivery': 'body' }).then(r => r.json())
    const before = { ...tokens }
    tokens.accessToken = spoiled(tokens.accessToken)
    const client = createApi(api, tokens)
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.get('/users/me')))
    assert.deepEqual(answers.map(a => a.data.username), Array(10).fill('ada'))
    assert.notEqual(tokens.refreshToken, before.refreshToken)
    // The generation is 1, because the token was refreshed once.
    const payload = JSON.parse(Buffer.from(tokens.refreshToken.split('.')[1], 'base64url'))
    assert.equal(payload.gen, 1)
    await assert.rejects(client.get('/users/nothing'), { status: 404 })
  })
}

test('fetch: one refresh for ten requests, and "wait" is not "log in"', async () => {
  const { api: request, retry } = await load('fetch')
  // Node has no cookies, so the test stores them.
  const jar = new Map()
  const send = globalThis.fetch
  let fault = () => undefined // returns a response to use instead of the service's response
  globalThis.fetch = async (url, init = {}) => {
    const answer = fault(String(url))
    if (answer) return answer
    const headers = new Headers(init.headers)
    headers.set('Sec-Fetch-Site', 'same-origin')
    headers.set('Cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const res = await send(url, { ...init, headers })
    for (const line of res.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      jar.set(name, value)
    }
    return res
  }
  const lose = () => jar.delete('accessToken') // makes the service ask for a refresh
  const next = async path => retry(await request(api, path))
  const html = status => new Response('<html>Bad gateway</html>', { status, headers: { 'Content-Type': 'text/html' } })
  try {
    await post('/users/login', { username: 'ada', password }, { 'X-Token-Delivery': 'cookie' })
    lose()
    refreshes = 0
    const answers = await Promise.all(Array.from({ length: 10 }, () => request(api, '/users/me')))
    assert.deepEqual(answers.map(a => a.status), Array(10).fill(200))
    assert.equal(refreshes, 1)
    assert.equal(await next('/users/me'), undefined)

    fault = () => html(502)
    assert.equal(await next('/users/me'), 'later')
    lose()
    fault = url => url.endsWith('/users/refresh') ? html(502) : undefined
    const waiting = await Promise.all(Array.from({ length: 3 }, () => request(api, '/users/me')))
    assert.deepEqual(await Promise.all(waiting.map(retry)), Array(3).fill('later'))
    assert.match(await waiting[2].text(), /Bad gateway/)
    fault = () => undefined
    assert.equal((await request(api, '/users/me')).status, 200)

    lose()
    jar.delete('refreshToken')
    assert.equal(await next('/users/me'), 'login')
    assert.equal(await next('/users/nothing'), undefined)
  } finally {
    globalThis.fetch = send
  }
})

test('curl', () => {
  const out = execFileSync('bash', ['-euo', 'pipefail', '-c', recipe('curl')], {
    cwd: dir, env: { ...process.env, API: api, NAME: 'ada', PASSWORD: password }
  }).toString()
  assert.equal(JSON.parse(out).username, 'ada')
  assert.match(JSON.parse(readFileSync(join(dir, 'tokens.json'))).outcome, /rotated/)
})
