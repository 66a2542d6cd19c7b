import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { fileURLToPath } from 'node:url'

/** Clients in a process of their own: what they cost is not what a server costs. */
export interface Callers {
  /** Sends each of these at once; resolves when each was answered with a certificate. */
  post(bodies: readonly string[]): Promise<void>
  close(): Promise<void>
}

export interface Where {
  port: number
  path: string
  apiKey: string
  /** Connections that are kept. */
  atOnce: number
}

export function startCallers(where: Where): Callers {
  const child = fork(fileURLToPath(import.meta.url), [], { env: { ...process.env, [mark]: JSON.stringify(where) } })
  const ended = once(child, 'exit')
  return {
    async post(bodies) {
      const answered = once(child, 'message') as Promise<[string]>
      child.send(bodies)
      const [problem] = await Promise.race([answered, ended.then(() => ['the callers have ended'])])
      if (problem !== '') throw new Error(problem)
    },
    async close() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

const mark = 'CERTCTL_BENCH_CALLERS'
const where = process.env[mark]

if (where !== undefined && process.send !== undefined) answerParent(JSON.parse(where) as Where)

function answerParent({ port, path, apiKey, atOnce }: Where): void {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce, rejectUnauthorized: false })
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const options = { agent, host: '127.0.0.1', port, path, method: 'POST', headers }
  const postAll = async (bodies: readonly string[]): Promise<void> => {
    const posted = await Promise.allSettled(bodies.map(async (body) => await post(options, body)))
    const failed = posted.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
    process.send?.(failed === undefined ? '' : String(failed.reason))
  }
  process.on('message', (bodies: string[]) => void postAll(bodies))
  process.on('disconnect', () => agent.destroy())
}

type Options = Parameters<typeof request>[1] & object

/** The same CSR again is the same order: asked until it has its certificate. */
async function post(options: Options, body: string): Promise<void> {
  for (;;) {
    const { status, text } = await sent(options, body)
    if (text.includes('csr_signed')) return
    if (!text.includes('order_pending')) throw new Error(`${status}: ${text}`)
  }
}

async function sent(options: Options, body: string): Promise<{ status: number; text: string }> {
  return await new Promise((resolve, reject) => {
    const asked = request(options, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}
