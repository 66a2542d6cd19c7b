import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'

export interface Place {
  host: string
  port: number
}

export interface Balancer {
  readonly port: number
  send(places: readonly Place[]): void
  close(): void
}

/** A plain TCP balancer on loopback: connections go to the places in turn, over those that do not take them. */
export async function startBalancer(): Promise<Balancer> {
  let places: readonly Place[] = []
  let turn = 0
  const open = new Set<{ destroy(): void }>()
  const server: Server = createServer((inbound) => {
    inbound.on('error', () => inbound.destroy())
    open.add(inbound)
    turn += 1
    // Others come while this one is passed on: its own place in the turn must stay.
    const first = turn
    const attempt = (tries: number) => {
      const place = places[(first + tries) % places.length]
      if (place === undefined || tries >= places.length) {
        inbound.destroy()
        return
      }
      const outbound = connect(place)
      open.add(outbound)
      outbound.once('connect', () => {
        inbound.pipe(outbound)
        outbound.pipe(inbound)
        outbound.once('close', () => inbound.destroy())
        inbound.once('close', () => outbound.destroy())
        outbound.removeAllListeners('error')
        outbound.on('error', () => inbound.destroy())
      })
      outbound.once('error', () => attempt(tries + 1))
    }
    attempt(0)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return {
    port: address.port,
    send(next) {
      places = next
    },
    close() {
      for (const socket of open) socket.destroy()
      server.close()
    },
  }
}
