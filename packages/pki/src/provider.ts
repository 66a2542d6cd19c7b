import 'reflect-metadata'
import { Crypto } from '@peculiar/webcrypto'
import * as x509 from '@peculiar/x509'
import * as pkijs from 'pkijs'

// One engine for both libraries: it knows old ciphers (3DES in PKCS #12 and SCEP) that the platform's WebCrypto does not.
const engine = new Crypto()
x509.cryptoProvider.set(engine)
pkijs.setEngine('certctl', new pkijs.CryptoEngine({ name: 'certctl', crypto: engine }))

export type Subtle = typeof engine.subtle

export { engine, pkijs, x509 }
