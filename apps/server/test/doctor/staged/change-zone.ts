import type { TestZone } from '../name-server.js'
import type { World } from '../world.js'

/** In both copies of the zone. */
export function inZone({ zones }: World, change: (zone: TestZone) => void): void {
  change(zones.example)
  change(zones.second)
}

export function without(name: string): (zone: { records: { name: string }[] }) => void {
  return ({ records }) => {
    const kept = records.filter((record) => record.name !== name)
    records.splice(0, records.length, ...kept)
  }
}
