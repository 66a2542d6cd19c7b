/** So many requests at once as a CA takes from one client without a thought. */
const batchSize = 8

/** Asks for each, in order, a few at a time. */
export async function inBatches<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let at = 0; at < items.length; at += batchSize)
    results.push(...(await Promise.all(items.slice(at, at + batchSize).map(ask))))
  return results
}
