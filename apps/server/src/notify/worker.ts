import { messageOf } from '@certctl/core'
import type { Services } from '../services.js'
import { widelyHeard } from '../widely-heard.js'
import { sendDue } from './send-due.js'

export interface NotifierOptions {
  /** How often it looks by itself when nothing wakes it; default: the setting. */
  pollSeconds?: number | undefined
}

/** Tells people of events: routes new ones and sends what is due, until stopped. */
export function startNotifier(
  services: Services,
  { pollSeconds = services.config.scheduler_notification_process_interval }: NotifierOptions = {},
): { stop(): Promise<void> } {
  const stopping = widelyHeard()
  let running: Promise<void> | undefined
  let again = false
  const pass = async (): Promise<void> => {
    do {
      again = false
      await sendDue(services, stopping.signal).catch((error: unknown) => {
        services.log.error(
          { err: error, reason: messageOf(error) },
          'notifications could not be worked on; they stay due',
        )
      })
    } while (again && !stopping.signal.aborted)
    running = undefined
  }
  const wake = (): void => {
    again = true
    if (!stopping.signal.aborted) running ??= pass()
  }
  const off = services.wakes.on('event', wake)
  const timer = setInterval(wake, pollSeconds * 1000).unref()
  wake()
  return {
    async stop() {
      off()
      clearInterval(timer)
      stopping.abort()
      await running
    },
  }
}
