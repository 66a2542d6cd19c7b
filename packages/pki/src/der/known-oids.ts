import { attributeTypes } from '../attribute-types.js'
import { extensionOids } from '../extensions/extension-oids.js'
import { purposeNames } from '../extensions/purpose-names.js'
import { curveOids, keyOids } from '../key-oids.js'
import { signatureOids } from '../signature-oids.js'

/** Every identifier that common certificates and CSRs carry. */
export const knownOids: readonly string[] = [
  ...Object.keys(attributeTypes),
  ...Object.values(keyOids),
  ...Object.keys(curveOids),
  ...Object.values(signatureOids),
  ...Object.values(extensionOids),
  ...Object.keys(purposeNames),
]
