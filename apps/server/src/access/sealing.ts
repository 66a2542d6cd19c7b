/** The cell a sealed value belongs to; a value moved to another cell does not open. */
export interface SealPlace {
  table: string
  id: string
  column: string
}

/** AES-256-GCM with the place as additional data and the key's id in front. */
export interface Sealing {
  seal(plain: string | Uint8Array, place: SealPlace): Buffer
  /** Throws `internal` when the value was sealed for another place, altered, or sealed with a key this server does not have. */
  open(sealed: Uint8Array, place: SealPlace): Buffer
}
