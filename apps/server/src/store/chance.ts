import { randomUUID } from 'node:crypto'

/** Where lifecycle and schedule get chance from. In production it is the system's; in a simulation it comes from a seed, so that a run can be played again. */
export interface Chance {
  /** From 0 to below 1. Nothing secret is made of it. */
  random(): number
  uuid(): string
}

export const systemChance: Chance = { random: () => Math.random(), uuid: () => randomUUID() }
