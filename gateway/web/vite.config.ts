import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const COMPRESSED = /\.(html|js|css|svg|webmanifest)$/;
const SERVER = process.env.GATHERING_SERVER ?? "http://127.0.0.1:8080";

/** Writes `<file>.br` and `<file>.gz` beside each file that compresses, so that the server never compresses anything. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    writeBundle({ dir }) {
      if (!dir) return;
      for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
        if (!COMPRESSED.test(name)) continue;
        const path = join(dir, name);
        const body = readFileSync(path);
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
        writeFileSync(`${path}.br`, brotliCompressSync(body, quality));
        writeFileSync(`${path}.gz`, gzipSync(body, { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

export default defineConfig({
  plugins: [precompress()],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false }, // an inline-free page on browsers that all know modulepreload
    assetsInlineLimit: 0, // the policy allows no data: scripts or styles
    reportCompressedSize: false,
  },
  server: {
    proxy: { "/api": SERVER, "/emulation": SERVER, "/connection": { target: SERVER, ws: true } },
  },
});
