const units: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
  [1, 's'],
]

/** An instant as people read it: UTC to the minute, and how far away. Absent stays absent. */
export function timeText(at: string | undefined, now: Date): string | undefined {
  if (at === undefined) return undefined
  const instant = new Date(at)
  const seconds = Math.round((instant.getTime() - now.getTime()) / 1000)
  return `${instant.toISOString().slice(0, 16).replace('T', ' ')}Z (${distanceText(seconds)})`
}

/** How far away an instant is: `in 12d`, `3h ago`. */
export function agoText(at: string | undefined, now: Date): string | undefined {
  return at === undefined ? undefined : distanceText(Math.round((new Date(at).getTime() - now.getTime()) / 1000))
}

/** How long something takes, in its two largest units: `29d 23h`. */
export function lengthText(seconds: number): string {
  if (seconds < 1) return '0s'
  const first = units.findIndex(([length]) => seconds >= length)
  let left = seconds
  const parts = units.slice(first, first + 2).map(([length, unit]) => {
    const count = Math.floor(left / length)
    left -= count * length
    return count === 0 ? '' : `${count}${unit}`
  })
  return parts.filter((part) => part !== '').join(' ')
}

function distanceText(seconds: number): string {
  const distance = Math.abs(seconds)
  const found = units.find(([length]) => distance >= length)
  if (found === undefined) return 'now'
  const text = `${Math.floor(distance / found[0])}${found[1]}`
  return seconds > 0 ? `in ${text}` : `${text} ago`
}
