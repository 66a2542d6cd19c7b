import { isCertctlError, type JsonValue, type StateStore, type Stored } from '@certctl/core'

export interface Entry {
  key: string
  value: JsonValue
  expiresAt?: Date | undefined
}

/** Writes an entry unless somebody was faster; returns what stands. */
export async function putOnce(state: StateStore, { key, value, expiresAt }: Entry): Promise<Stored> {
  try {
    return await state.put(key, value, { expect: 'absent', expiresAt })
  } catch (error) {
    const theirs = isCertctlError(error) && error.code === 'conflict' ? await state.get(key) : undefined
    if (theirs === undefined) throw error
    return theirs
  }
}
