import type { Tampering } from '../../src/tampering.js'

/** The new key takes the place of the old one before there is a certificate for it. */
export const oneKeyFile: Tampering = {
  name: 'the old key is overwritten',
  onNewKey(agent, { certificateId, spki }) {
    for (const [other, key] of agent.keys)
      if (key.certificateId === certificateId && other !== spki) agent.keys.delete(other)
  },
}
