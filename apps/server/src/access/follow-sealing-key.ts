import { type CertctlError, messageOf } from '@certctl/core'
import type { Services } from '../services.js'
import { currentOf } from './key-check.js'
import { sealingKeyChanged } from './rotate-encryption-key.js'

/** A wake-up may be lost. */
const lookMs = 15_000
/** A copy that could not look for so long seals nothing: nobody may wait for it, or know of it, while the key is changed. */
export const blindMs = 45_000

/**
 * Seals with whichever key all copies seal with, as soon as that is another one; and with none where this copy does not have that one, or
 * cannot know which it is: after it stood still, or was cut off from the database.
 */
export function followSealingKey(services: Services): { stop(): void } {
  const { sealing, clock, wakes } = services
  sealing.expectUse({ withinMs: blindMs, nowMs: () => clock.now().getTime() })
  const off = wakes.on('settings', (subject) => {
    if (subject === sealingKeyChanged) void lookForSealingKey(services)
  })
  const timer = setInterval(() => void lookForSealingKey(services), lookMs).unref()
  return {
    stop() {
      clearInterval(timer)
      off()
    },
  }
}

/** Why nothing may be sealed here. Asked again where there is a reason: a copy that the database answers again may at once. */
export async function refusalToSeal(services: Services): Promise<CertctlError | undefined> {
  if (services.sealing.refusal() !== undefined) await lookForSealingKey(services)
  return services.sealing.refusal()
}

/** Asks the database which key seals. Returns whether this copy may seal. */
export async function lookForSealingKey({ store, sealing, clock, log }: Services): Promise<boolean> {
  // What is answered held when it was asked; the answer may be read much later.
  const askedMs = clock.now().getTime()
  try {
    sealing.use(currentOf(await store.sealingKeys.list()).id, askedMs)
  } catch (error) {
    log.error({ reason: messageOf(error) }, 'this copy does not know the encryption key in use, or does not have it')
  }
  return sealing.refusal() === undefined
}
