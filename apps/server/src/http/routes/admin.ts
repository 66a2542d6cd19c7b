import { reply } from '@certctl/api'
import { encryptionStatus } from '../../access/encryption-status.js'
import { actorOf } from '../../access/principal.js'
import { rotateEncryptionKey } from '../../access/rotate-encryption-key.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'

/** What only administrators ask of the server itself. */
export function adminRoutes(services: Services): Handlers<'getEncryptionKey' | 'rotateEncryptionKey'> {
  return {
    getEncryptionKey: async () => reply(200, await encryptionStatus(services)),
    async rotateEncryptionKey({ principal }) {
      await rotateEncryptionKey(services, actorOf(principal))
      return reply(202, await encryptionStatus(services))
    },
  }
}
