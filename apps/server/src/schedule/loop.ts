import type { Services } from '../services.js'

/** Something that is done again and again, by whichever copy comes first when it is due. */
export interface Loop {
  /** Of its row in `schedule`. */
  name: string
  everySeconds(services: Services): number
  /** Does what is due now. Rejects only when it could not even look; what fails for one thing does not stop the others. */
  run(services: Services, signal: AbortSignal): Promise<void>
}
