/** `1-3,7` */
export function numbersIn(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = Number.NaN, last = first, ...rest] = part
      .split('-')
      .map((digits) => (digits === '' ? Number.NaN : Number(digits)))
    if (!Number.isInteger(first) || !Number.isInteger(last) || last < first || rest.length > 0)
      throw new Error(`"${text}" is not like 1-3,7`)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
