/** A small seeded generator (mulberry32), so that every run meets the same inputs. */
export interface Random {
  /** Below `limit`, from 0. */
  below(limit: number): number
  bytes(count: number): Uint8Array
  pick<T>(list: readonly T[]): T
  label(): string
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number) => next() % limit
  return {
    below,
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
    pick(list) {
      const chosen = list[below(list.length)]
      if (chosen === undefined) throw new Error('nothing to pick from')
      return chosen
    },
    label: () => `h${next().toString(36)}`,
  }
}
