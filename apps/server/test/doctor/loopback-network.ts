import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, it } from '@jest/globals'

const address = '127.0.0.11'

/** `describe` for worlds with several addresses; where this system has only 127.0.0.1, it is skipped by name, or fails where all must run. */
export function needsLoopbackNetwork(): typeof describe | typeof describe.skip {
  return isThere ? describe : skipped
}

const isThere = await canBind()

async function canBind(): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    socket.bind(0, address)
    await once(socket, 'listening')
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}

const skipped = ((name: string) => {
  describe(name, () => {
    if (process.env.CERTCTL_TEST_REAL === 'required')
      it('has its addresses', () => Promise.reject(new Error(`${address} is not there`)))
    else it.skip(`skipped: this system has no address ${address}`, () => undefined)
  })
}) as unknown as typeof describe
