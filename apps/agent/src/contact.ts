/** Whether the control plane answers at present. */
export interface Contact {
  heard(): void
  lost(): void
  /** The last request had no answer. Then this agent keeps its targets right by itself. */
  isAway(): boolean
}

export function createContact(): Contact {
  let away = false
  return {
    heard() {
      away = false
    },
    lost() {
      away = true
    },
    isAway: () => away,
  }
}
