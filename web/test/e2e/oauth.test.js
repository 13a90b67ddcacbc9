// Runs unchanged OAuth clients from npm against a Latchkey that the test starts. LATCHKEY names
// the program.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'

import * as openid from 'openid-client'
import * as oauth from 'oauth4webapi'
import { ResourceOwnerPassword, ClientCredentials, AuthorizationCode } from 'simple-oauth2'

import { start } from './service.js'

const redirect = 'http://127.0.0.1/cb'
const user = { username: 'ada', password: 'correct horse' }
let base, service
const secrets = {}

before(async () => {
  service = await start({ LATCHKEY_TOKENS_ALGORITHM: 'ES256' })
  base = service.base
  latchkey(['user', 'create', '--username', user.username, '--email', 'ada@example.org'], user.password + '\n')
  client('shop', '--first-party', '--grant', 'password', '--grant', 'refresh_token', '--scope', 'orders:read', '--scope', 'orders:write')
  client('jobs', '--grant', 'client_credentials', '--scope', 'jobs')
  client('web', '--grant', 'authorization_code', '--grant', 'refresh_token', '--redirect-uri', redirect, '--scope', 'orders:read')
  client('spa', '--public', '--grant', 'authorization_code', '--grant', 'refresh_token', '--redirect-uri', redirect)
})

after(() => service?.stop())

const latchkey = (args, input) => service.run(args, input)

function client (id, ...flags) {
  secrets[id] = /client_secret\s+(\S+)/.exec(latchkey(['client', 'create', '--id', id, ...flags]))?.[1]
}

// signIn fills in the page like a browser without scripts, and returns the URL to which it is
// redirected.
async function signIn (url) {
  const page = await fetch(url)
  assert.equal(page.status, 200)
  const html = await page.text()
  const form = new URLSearchParams(user)
  for (const [, name, value] of html.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)) {
    form.set(name, value.replaceAll('&amp;', '&').replaceAll('&#43;', '+').replaceAll('&#34;', '"').replaceAll('&#39;', "'"))
  }
  form.set('decision', 'allow')
  const answer = await fetch(`${base}/oauth/authorize`, { method: 'POST', body: form, redirect: 'manual', headers: { Origin: base } })
  assert.equal(answer.status, 303)
  return new URL(answer.headers.get('location'))
}

const insecure = { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] }

test('openid-client: discovery, code with PKCE and iss, refresh, introspection, revocation', async () => {
  const config = await openid.discovery(new URL(base), 'web', secrets.web, undefined, insecure)
  const verifier = openid.randomPKCECodeVerifier()
  const state = openid.randomState()
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope: 'orders:read', state, code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const tokens = await openid.authorizationCodeGrant(config, await signIn(url), { pkceCodeVerifier: verifier, expectedState: state })
  assert.equal(tokens.scope, 'orders:read')
  assert.ok(tokens.expiresIn() > 500)
  const again = await openid.refreshTokenGrant(config, tokens.refresh_token)
  assert.notEqual(again.refresh_token, tokens.refresh_token)
  const state1 = await openid.tokenIntrospection(config, again.access_token)
  assert.equal(state1.active, true)
  assert.equal(state1.username, 'ada')
  await openid.tokenRevocation(config, again.refresh_token)
  assert.equal((await openid.tokenIntrospection(config, again.access_token)).active, false)
  await assert.rejects(openid.refreshTokenGrant(config, again.refresh_token), e => e.error === 'invalid_grant')
})

test('openid-client: client credentials, by Basic and by the body', async () => {
  for (const auth of [openid.ClientSecretBasic(secrets.jobs), openid.ClientSecretPost(secrets.jobs)]) {
    const config = await openid.discovery(new URL(base), 'jobs', {}, auth, insecure)
    const tokens = await openid.clientCredentialsGrant(config, { scope: 'jobs' })
    assert.equal(tokens.scope, 'jobs')
    assert.equal(tokens.refresh_token, undefined)
  }
  const wrong = await openid.discovery(new URL(base), 'jobs', {}, openid.ClientSecretBasic('wrong'), insecure)
  await assert.rejects(openid.clientCredentialsGrant(wrong), e => e.error === 'invalid_client' || e.cause?.[0]?.scheme === 'basic')
})

test('oauth4webapi: a public client, and validateJwtAccessToken at a resource server', async () => {
  const issuer = new URL(base)
  const options = { [oauth.allowInsecureRequests]: true }
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options }))
  const spa = { client_id: 'spa' }
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(as.authorization_endpoint)
  url.search = new URLSearchParams({
    response_type: 'code', client_id: 'spa', redirect_uri: redirect, state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const params = oauth.validateAuthResponse(as, spa, await signIn(url), state)
  const response = await oauth.authorizationCodeGrantRequest(as, spa, oauth.None(), params, redirect, verifier, options)
  const tokens = await oauth.processAuthorizationCodeResponse(as, spa, response)
  const claims = await oauth.validateJwtAccessToken(as, new Request('https://api.example/', {
    headers: { Authorization: `Bearer ${tokens.access_token}` },
  }), 'latchkey', options)
  assert.equal(claims.client_id, 'spa')
  assert.ok(claims.sid)
  const refreshed = await oauth.processRefreshTokenResponse(as, spa,
    await oauth.refreshTokenGrantRequest(as, spa, oauth.None(), tokens.refresh_token, options))
  assert.ok(refreshed.refresh_token)
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, spa, oauth.None(), refreshed.refresh_token, options))
})

test('simple-oauth2: password, refresh, revocation, client credentials, code', async () => {
  const auth = { tokenHost: base }
  const shop = new ResourceOwnerPassword({ client: { id: 'shop', secret: secrets.shop }, auth })
  const token = await shop.getToken({ ...user, scope: 'orders:read orders:write' })
  assert.equal(token.token.scope, 'orders:read orders:write')
  assert.equal(token.expired(), false)
  const next = await token.refresh({ scope: 'orders:read' })
  assert.equal(next.token.scope, 'orders:read')
  await next.revokeAll()
  await assert.rejects(next.refresh(), e => e.output?.statusCode === 400 && e.data.payload.error === 'invalid_grant')
  await assert.rejects(shop.getToken({ ...user, password: 'wrong horse' }), e => e.data.payload.error === 'invalid_grant')

  const jobs = new ClientCredentials({ client: { id: 'jobs', secret: secrets.jobs }, auth, options: { authorizationMethod: 'body' } })
  assert.equal((await jobs.getToken({ scope: ['jobs'] })).token.token_type, 'Bearer')

  const web = new AuthorizationCode({ client: { id: 'web', secret: secrets.web }, auth })
  const verifier = oauth.generateRandomCodeVerifier()
  const url = web.authorizeURL({
    redirect_uri: redirect, scope: 'orders:read', state: 's', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const back = await signIn(url)
  const got = await web.getToken({ code: back.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier })
  assert.ok(got.token.refresh_token)
})
