// Prints the size of the client, and fails if it is larger than README.md says.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const read = (name) => readFileSync(new URL(name, import.meta.url));
const limit = /([\d.]+) KB gzipped/.exec(read("README.md"))[1] * 1024;
const built = read("dist/index.js");
const size = gzipSync(built, { level: 9 }).length;
console.log(`client: ${size} bytes gzipped of ${limit} allowed, ${built.length} plain`);
if (size > limit) process.exit(1);
