import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'

/** A port that nobody uses now. For `CERTCTL_SERVER_PORT=0`: the address must be known before the first thing that names it is made. */
export async function freePort(host: string): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port: 0 }, resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
