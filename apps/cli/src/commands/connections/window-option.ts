import type { Target } from '@certctl/api'
import { CertctlError } from '@certctl/core'

type Window = NonNullable<Target['windows']>[number]

export const windowOption = {
  '--window <window>...': `When deployments may happen: five cron fields, how long, and whose clocks: "0 2 * * SAT 4h Europe/Berlin"`,
}

const cronFields = 5

/** `0 2 * * SAT 4h Europe/Berlin`; UTC where no time zone is given. */
export function parseWindow(text: string): Window {
  const words = text.trim().split(/\s+/)
  const [duration, zone = 'UTC', ...others] = words.slice(cronFields)
  if (duration === undefined || others.length > 0)
    throw new CertctlError(
      'request_malformed',
      `--window "${text}" must have five cron fields, a duration and, if it is not UTC, a time zone: "0 2 * * SAT 4h Europe/Berlin"`,
    )
  return { cron: words.slice(0, cronFields).join(' '), duration, time_zone: zone }
}

export function windowText({ cron, duration, time_zone }: Window): string {
  return `${cron} ${duration} ${time_zone}`
}
