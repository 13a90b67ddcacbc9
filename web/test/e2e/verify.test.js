// Runs the verifier in README.md, word for word, against a new Latchkey.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { start } from './service.js'

const text = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
let service, dir

before(async () => {
  service = await start()
  dir = mkdtempSync(join(import.meta.dirname ?? '.', 'node_modules', '.recipes-')) // the directory from which its imports resolve
})

after(() => {
  service?.stop()
  rmSync(dir, { recursive: true, force: true })
})

test('jose verifies access tokens by the published keys, without a setting', async () => {
  const block = /^```js jose\n([^]*?)^```/m.exec(text)
  assert.ok(block, 'README.md has no block jose')
  const path = join(dir, 'jose.mjs')
  writeFileSync(path, block[1].replaceAll('http://127.0.0.1:8080', service.base).replaceAll('http://localhost:8080', service.base))
  const { whoIs } = await import(path)
  const post = async (path, body) => {
    const res = await fetch(`${service.base}/api${path}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Token-Delivery': 'body' }, body: JSON.stringify(body)
    })
    assert.ok(res.ok, `${path}: ${res.status}`)
    return res.json()
  }
  const user = await post('/users', { username: 'ada', email: 'ada@example.org', password: 'correct horse' })
  const { accessToken, refreshToken } = await post('/users/login', { username: 'ada', password: 'correct horse' })
  const claims = await whoIs(accessToken)
  assert.equal(claims.sub, user.id)
  assert.equal(claims.privilege, 0)
  await assert.rejects(whoIs(refreshToken))
  await assert.rejects(whoIs(accessToken.slice(0, -6) + 'AAAAAA'))
})
