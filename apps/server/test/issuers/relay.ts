import { createSocket, type Socket } from 'node:dgram'
import { decode } from 'dns-packet'

export interface Relay {
  /** `name type` of every question, in order. */
  readonly asked: readonly string[]
  close(): Promise<void>
}

/** Port 53 of an address of this machine, from where questions go on to a name server that listens elsewhere. `undefined`: nobody may listen there. */
export async function openRelay(address: string, to: { port: number }): Promise<Relay | undefined> {
  const front = createSocket('udp4')
  if (!(await bind(front, address))) return undefined
  const asked: string[] = []
  const behind = new Set<Socket>()
  front.on('message', (question, from) => {
    asked.push(...(decode(question).questions ?? []).map(({ name, type }) => `${name} ${type}`))
    const back = createSocket('udp4')
    behind.add(back)
    const end = () => {
      if (behind.delete(back)) back.close()
    }
    back.on('error', end)
    back.on('message', (answer) => {
      front.send(answer, from.port, from.address)
      end()
    })
    back.send(question, to.port, '127.0.0.1')
  })
  return {
    asked,
    async close() {
      for (const socket of behind) socket.close()
      behind.clear()
      await new Promise<void>((resolve) => front.close(resolve))
    },
  }
}

async function bind(socket: Socket, address: string): Promise<boolean> {
  return await new Promise((resolve) => {
    socket.once('error', () => socket.close(() => resolve(false)))
    socket.bind(53, address, () => resolve(true))
  })
}
