import type { Fault, FaultMode } from './watched-host.js'

/** More steps than any call has; reached only by a connector that never ends. */
const bound = 2000

/**
 * Makes step 1 fail, then step 2, then step 3 …, each in every mode, until the call passes without meeting the fault.
 * @param attempt runs the whole scene once under the fault and says whether the step was reached
 */
export async function sweep(modes: readonly FaultMode[], attempt: (fault: Fault) => Promise<boolean>): Promise<void> {
  for (let step = 1; step <= bound; step += 1) {
    let reached = false
    for (const mode of modes) {
      try {
        reached = (await attempt({ step, mode })) || reached
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause)
        throw new Error(`With step ${step} (${mode}): ${message}`, { cause })
      }
    }
    if (!reached) return
  }
  throw new Error(`The call took more than ${bound} steps`)
}
