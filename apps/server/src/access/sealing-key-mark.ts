/** What a copy says in its row of each encryption key it has. */
export function sealingKeyMark(id: string): string {
  return `sealing-key ${id}`
}
