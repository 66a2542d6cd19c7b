import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below what systems hand out by themselves: Linux from 32768 on, others from 49152 on. */
const lowest = 12_000
const beyond = 32_000
const given = new Set<number>()

/**
 * A port of 127.0.0.1 that nobody listens on, for a program that must be told its port before it can have it. Drawn by lot from those that
 * no system hands out: such a one would be somebody's connection, or another server's, before the program listens.
 */
export async function unusedPort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, beyond)
    if (given.has(port) || !(await isUnused(port))) continue
    given.add(port)
    return port
  }
}

async function isUnused(port: number): Promise<boolean> {
  const server = createServer()
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => void server.close(() => resolve(true)))
  })
}
