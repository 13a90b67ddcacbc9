// Starts the program that LATCHKEY names, with its own directory and port.
import assert from 'node:assert/strict'
import { spawn, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function start (settings = {}) {
  const program = process.env.LATCHKEY
  assert.ok(program, 'set LATCHKEY to the program')
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-e2e-'))
  const port = await freePort()
  const base = `http://localhost:${port}`
  const env = {
    ...process.env, LATCHKEY_DATA_DIR: dir, LATCHKEY_SERVER_LISTEN: `127.0.0.1:${port}`, LATCHKEY_PASSWORD_BCRYPT_COST: '10',
    LATCHKEY_LOG_LEVEL: 'error', ...settings
  }
  const service = spawn(program, ['serve'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  for (let i = 0; ; i++) {
    const ready = await fetch(`${base}/readyz`).then(r => r.ok, () => false)
    if (ready) break
    assert.ok(i < 200, 'the service does not start')
    await new Promise(done => setTimeout(done, 50))
  }
  return {
    base,
    dir,
    run: (args, input = '') => execFileSync(program, args, { env, input, stdio: ['pipe', 'pipe', 'inherit'] }).toString(),
    stop () {
      service.kill('SIGINT')
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

function freePort () {
  return new Promise(done => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })
}
