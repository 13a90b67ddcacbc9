import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A fault runs after the service has responded. It returns true if it has handled the response. */
export type Fault = (req: IncomingMessage, res: ServerResponse) => boolean;

/** The built program with its own directory, behind a proxy that counts requests and injects faults. */
export class Service {
  url = "";
  /** The number of requests that were passed on, by path. */
  seen = new Map<string, number>();
  fault: Fault = () => false;
  /** Reports whether a request must not reach the service. */
  deaf: (req: IncomingMessage) => boolean = () => false;
  #program!: ChildProcess;
  #dir = mkdtempSync(join(tmpdir(), "latchkey-client-"));
  #proxy = createServer((req, res) => this.#pass(req, res));
  #port = 0;

  async start() {
    const free = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => free.once("listening", done));
    this.#port = (free.address() as AddressInfo).port;
    await new Promise((done) => free.close(done));
    const program = process.env.LATCHKEY;
    if (!program) throw new Error("set LATCHKEY to the built program; make client does");
    this.#proxy.listen(0, "127.0.0.1");
    await new Promise((done) => this.#proxy.once("listening", done));
    this.url = `http://localhost:${(this.#proxy.address() as AddressInfo).port}`;
    this.#program = spawn(program, ["serve"], {
      cwd: this.#dir,
      stdio: "ignore",
      env: {
        ...process.env,
        LATCHKEY_SERVER_LISTEN: `127.0.0.1:${this.#port}`,
        LATCHKEY_SERVER_PUBLIC_URL: this.url,
        LATCHKEY_PASSWORD_BCRYPT_COST: "10",
        LATCHKEY_LIMITS_SIGNUPS_PER_HOUR: "0",
      },
    });
    for (let n = 0; n < 200; n++) {
      const ready = await fetch(`http://localhost:${this.#port}/readyz`).then((r) => r.ok, () => false);
      if (ready) return;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error("the service does not get ready");
  }

  /** Waits for a mail to an address, and returns the token of its link. */
  async token(kind: string, to: string): Promise<string> {
    const dir = join(this.#dir, "data", "mail");
    for (let n = 0; n < 100; n++) {
      for (const file of existsSync(dir) ? readdirSync(dir) : []) {
        const text = file.includes(`-${kind}-`) ? readFileSync(join(dir, file), "utf8") : "";
        const token = text.includes(`To: <${to}>`) && /token=([\w-]{43})/.exec(text);
        if (token) return token[1]!;
      }
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`no mail of ${kind} to ${to}`);
  }

  async stop() {
    this.#proxy.close();
    this.#proxy.closeAllConnections();
    this.#program.kill();
    await new Promise((done) => this.#program.once("exit", done));
    rmSync(this.#dir, { recursive: true });
  }

  count(path: string) {
    return this.seen.get(path) ?? 0;
  }

  #pass(req: IncomingMessage, res: ServerResponse) {
    if (this.deaf(req)) return res.destroy();
    this.seen.set(req.url!, this.count(req.url!) + 1);
    const out = request(
      { host: "127.0.0.1", port: this.#port, path: req.url, method: req.method, headers: req.headers },
      (answer) => {
        if (this.fault(req, res)) return answer.resume();
        res.writeHead(answer.statusCode!, answer.headers);
        return answer.pipe(res);
      },
    );
    out.on("error", () => res.destroy());
    req.pipe(out);
  }
}
