/** Runs what has the same key one after the other, in the order it came; what has another key does not wait. A failure holds up nobody. */
export function createQueue(): <T>(key: string, action: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()
  return async (key, action) => {
    const before = last.get(key)
    const mine = before === undefined ? action() : before.then(action, action)
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}
