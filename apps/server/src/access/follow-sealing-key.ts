import { messageOf } from '@certctl/core'
import type { Services } from '../services.js'
import { currentOf } from './key-check.js'
import { sealingKeyChanged } from './rotate-encryption-key.js'

/** A wake-up may be lost. */
const lookMs = 15_000

/** Seals with whichever key all copies seal with, as soon as that is another one. */
export function followSealingKey(services: Services): { stop(): void } {
  const look = async (): Promise<void> => {
    try {
      services.sealing.use(currentOf(await services.store.sealingKeys.list()).id)
    } catch (error) {
      services.log.error({ reason: messageOf(error) }, 'the encryption key in use could not be looked up')
    }
  }
  const off = services.wakes.on('settings', (subject) => {
    if (subject === sealingKeyChanged) void look()
  })
  const timer = setInterval(() => void look(), lookMs).unref()
  return {
    stop() {
      clearInterval(timer)
      off()
    },
  }
}
