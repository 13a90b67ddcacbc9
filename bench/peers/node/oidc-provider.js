// oidc-provider with its state in Redis. POST /session makes a session as a login would, without the
// pages for it.
import Redis from "ioredis";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const redis = new Redis(process.env.REDIS_URL);
const day = 86_400;

// The adapter stores a model as JSON, and lists the keys of a grant, so that they end with it.
class RedisAdapter {
  constructor(model) {
    this.model = model;
  }
  key(id) {
    return `${this.model}:${id}`;
  }
  async upsert(id, payload, expiresIn) {
    const all = redis.multi().hset(this.key(id), "payload", JSON.stringify(payload)).expire(this.key(id), expiresIn ?? day);
    if (payload.grantId) all.rpush(`grant:${payload.grantId}`, this.key(id)).expire(`grant:${payload.grantId}`, 30 * day);
    if (payload.uid) all.set(`uid:${payload.uid}`, id, "EX", expiresIn ?? day);
    await all.exec();
  }
  async find(id) {
    const { payload, consumed } = await redis.hgetall(this.key(id));
    return payload && { ...JSON.parse(payload), ...(consumed && { consumed: Number(consumed) }) };
  }
  async findByUid(uid) {
    return this.find(await redis.get(`uid:${uid}`));
  }
  async findByUserCode() {}
  async consume(id) {
    await redis.hset(this.key(id), "consumed", Math.floor(Date.now() / 1000));
  }
  async destroy(id) {
    await redis.del(this.key(id));
  }
  async revokeByGrantId(id) {
    const keys = await redis.lrange(`grant:${id}`, 0, -1);
    await redis.del(`grant:${id}`, ...keys);
  }
}

const clientId = "app";
const provider = new Provider(`http://127.0.0.1:${process.env.PORT}`, {
  adapter: RedisAdapter,
  clients: [{ client_id: clientId, token_endpoint_auth_method: "none", grant_types: ["authorization_code", "refresh_token"], redirect_uris: ["http://127.0.0.1/callback"] }],
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  ttl: { AccessToken: 600, IdToken: 600, RefreshToken: 30 * day, Grant: 30 * day },
});

async function newSession(accountId) {
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope("openid offline_access");
  const token = new provider.RefreshToken({
    accountId, client: await provider.Client.find(clientId), grantId: await grant.save(), scope: "openid offline_access",
    gty: "authorization_code", authTime: Math.floor(Date.now() / 1000), rotations: 0,
  });
  return token.save();
}

const handle = provider.callback();
createServer(async (req, res) => {
  if (req.url === "/health") return res.end();
  if (req.url === "/session") return res.setHeader("Content-Type", "application/json").end(JSON.stringify({ refresh_token: await newSession("user") }));
  return handle(req, res);
}).listen(Number(process.env.PORT), "127.0.0.1");
