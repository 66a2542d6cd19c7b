import { apiError, type EncryptionKeyStatus, reply } from '@certctl/api'

/** A server of which every copy was started with a next encryption key. */
export function adminHandlers() {
  let status: EncryptionKeyStatus = {
    state: 'prepared',
    key_id: '00aa11bb22cc33dd',
    sealing_since: '2025-01-01T00:00:00.000Z',
    next_key_id: 'ffee00aa99887766',
    remaining: {},
    remaining_total: 0,
  }
  return {
    getEncryptionKey: async () => reply(200, status),
    async rotateEncryptionKey() {
      if (status.next_key_id === undefined)
        throw apiError('conflict', `Everything is sealed with ${status.key_id} already`, { status: 409 })
      const remaining = { connections: 2, connector_state: 40 }
      const unopenable = ['connections.secrets of "hook"']
      status = { state: 'resealing', key_id: status.next_key_id, remaining, remaining_total: 42, unopenable }
      return reply(202, status)
    },
  }
}
