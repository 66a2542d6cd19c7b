import { broken, doubtful, type Fault, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'

const smallSeconds = 60
const largeSeconds = 300

/** Whether our clock and the CA's agree, by the date of its answer. */
export async function checkClock(looks: Looks): Promise<Finding[]> {
  const look = await looks.directory()
  if (look?.state !== 'answered' || look.theirTime === undefined) return []
  const seconds = Math.round((look.ourTime.getTime() - look.theirTime.getTime()) / 1000)
  const off = Math.abs(seconds)
  if (off < smallSeconds) return [fine('clock_ok', 'The clock of this server agrees with that of the CA')]
  const fault: Fault = {
    seen: `The clock of this server is ${spoken(off)} ${seconds > 0 ? 'ahead of' : 'behind'} that of the CA`,
    cause:
      'It is not kept by NTP, or the machine was asleep. Certificates seem to begin in the future or to have ended, and renewals come at the wrong time',
    remedy: 'timedatectl set-ntp true (or: chronyc makestep), also on the machine of the database',
  }
  return [off < largeSeconds ? doubtful('clock_off', fault) : broken('clock_off', fault)]
}

function spoken(seconds: number): string {
  return seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`
}
