import type { World } from '../world.js'

export const site = 'www.example.com'

/** One thing that is made wrong in a world that is well, and what the doctor is to say. */
export interface Staged {
  fault: string
  method?: 'dns-01' | 'dns-persist-01' | 'tls-alpn-01'
  name?: string
  stage(world: World): void | Promise<void>
  expected: string[]
  /** In what was seen of the first expected code. */
  says?: string | RegExp
  remedy?: string
}
