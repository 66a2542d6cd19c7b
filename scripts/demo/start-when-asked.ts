/**
 * Holds a listening socket (file descriptor 3) without accepting from it, so that connections wait in the kernel's line,
 * and hands it to a server as soon as the file `start` appears. Usage: start-when-asked.ts <folder> <program> [argument …]
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const [folder = '', program = '', ...args] = process.argv.slice(2)
process.once('SIGTERM', () => process.exit(0))
process.send?.('holding')
process.disconnect?.()

while (!existsSync(join(folder, 'start'))) await delay(50)
// NGINX takes over listening sockets it is told of in this variable: its own way of changing binaries without losing a connection.
const server = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 3], env: { ...process.env, NGINX: '3;' } })
process.removeAllListeners('SIGTERM')
process.once('SIGTERM', () => server.kill('SIGTERM'))
server.once('exit', (code) => process.exit(code ?? 1))
