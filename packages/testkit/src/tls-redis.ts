import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { startRedis, type TestRedis } from "./redis-server.ts";

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const days = ["-days", "2"];

export interface TlsRedis {
  /** For an administrator: its Unix socket. */
  server: TestRedis;
  /** The port that speaks TLS, on 127.0.0.1. */
  port: number;
  /** The certificate of the authority that vouches for the server, and that nobody knows. */
  caFile: string;
  close(): Promise<void>;
}

/** Makes `ca.crt`, and `server.crt` with `server.key` for 127.0.0.1. */
async function makeCertificates(dir: string): Promise<void> {
  const openssl = (...args: string[]) => promisify(execFile)("openssl", args, { cwd: dir });
  const authority = ["-subj", "/CN=Llamero test authority", "-keyout", "ca.key", "-out", "ca.crt"];
  await openssl("req", "-x509", ...newKey, ...days, ...authority);
  await openssl("req", ...newKey, "-subj", "/CN=redis", "-keyout", "server.key", "-out", "server.csr");
  await writeFile(join(dir, "names"), "subjectAltName=IP:127.0.0.1\n");
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-out", "server.crt"];
  await openssl("x509", "-req", "-in", "server.csr", ...days, ...signed);
}

/**
 * A Redis that speaks TLS, with a certificate of an authority of its own.
 * @param extra further settings
 */
export async function startTlsRedis(extra: readonly string[] = []): Promise<TlsRedis> {
  const dir = await mkdtemp(join(tmpdir(), "llamero-tls-"));
  await makeCertificates(dir);
  const port = await freePort();
  const files = ["--tls-cert-file", join(dir, "server.crt"), "--tls-key-file", join(dir, "server.key")];
  const trust = ["--tls-ca-cert-file", join(dir, "ca.crt"), "--tls-auth-clients", "no"];
  const server = await startRedis(["--bind", "127.0.0.1", "--tls-port", String(port), ...files, ...trust, ...extra]);
  return {
    server,
    port,
    caFile: join(dir, "ca.crt"),
    close: async () => {
      await server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
