import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { WorkItem } from '@certctl/api'
import { createCsr, encodePem, parseCsr } from '@certctl/pki'
import type { Outage } from '../outages.js'
import type { Random } from '../random.js'
import { stamp } from '../stamp.js'

/** A certificate at a target, as its service has it. */
export interface Held {
  readonly fingerprint: string
  readonly spki: string
  readonly notAfter: number
}

export interface TargetModel {
  readonly id: string
  readonly certificateId: string
  /** What is in its files. */
  held: Held | undefined
  /** What it shows to those who shake hands. */
  served: Held | undefined
  previous: Held | undefined
}

export interface KeyRecord {
  readonly certificateId: string
  readonly madeAt: number
  wasListed: boolean
  unlistedSince: number | undefined
}

/** An agent and its host: what survives a crash, and what does not. */
export interface AgentModel {
  readonly id: string
  readonly random: Random
  readonly outages: Outage[]
  readonly targets: Map<string, TargetModel>
  /** On disk, by SHA-256 of the public key. */
  readonly keys: Map<string, KeyRecord>
  /** CSRs it made for jobs, to be sent again word by word. */
  readonly csrs: Map<string, string>
  /** Jobs it works on, in this incarnation. */
  readonly holding: Map<string, WorkItem>
  /** Those of them that are done, and only have to be told of until somebody answers. */
  readonly reporting: Set<string>
  incarnation: number
  /** What befalls it in the middle of its next deployment. */
  atNextDeployment: (() => void) | undefined
  nextPoll: number
  readonly skewSeconds: number
}

export function createAgentModel(id: string, random: Random): AgentModel {
  return {
    id,
    random,
    outages: [],
    targets: new Map(),
    keys: new Map(),
    csrs: new Map(),
    holding: new Map(),
    reporting: new Set(),
    incarnation: 1,
    atNextDeployment: undefined,
    nextPoll: Number.POSITIVE_INFINITY,
    skewSeconds: random.between(-120, 120),
  }
}

interface Template {
  der: Uint8Array
  spki: Uint8Array
}

const templates = new Map<string, Template>()

/** A new key and a CSR for what a job asks. CSRs for the same names are stamped from the first one. */
export async function makeCsr(item: WorkItem): Promise<{ csrPem: string; spki: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const der = await csrOf(item, privateKey, spki)
  const csrPem = encodePem('CERTIFICATE REQUEST', der)
  return { csrPem, spki: parseCsr(der).publicKey.spkiSha256 }
}

async function csrOf(item: WorkItem, key: KeyObject, spki: Uint8Array): Promise<Uint8Array> {
  const id = JSON.stringify([item.common_name, item.names])
  const known = templates.get(id)
  if (known !== undefined) return stamp(known.der, [[known.spki, spki]], key)
  const privateKeyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  const made = await createCsr({ privateKeyPem, commonName: item.common_name || undefined, names: item.names ?? [] })
  const template = { der: parseCsr(made).der, spki: spkiOf(privateKeyPem) }
  templates.set(id, template)
  return template.der
}

function spkiOf(privateKeyPem: string): Uint8Array {
  return createPublicKey(createPrivateKey(privateKeyPem)).export({ type: 'spki', format: 'der' })
}
