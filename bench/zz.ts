import { openDatabase } from '../apps/server/src/store/database.js'
import { createStore } from '../apps/server/src/store/store.js'
import { openInventory } from './load-inventory.js'
const count = Number(process.argv[2] ?? 10000)
const t0 = performance.now()
const inventory = await openInventory({ count })
console.log('opened', Math.round(performance.now() - t0))
const database = openDatabase({ address: inventory.address, maxConnections: 1 })
const store = createStore({ db: database.db, clock: { now: () => inventory.now } })
const all = ['name','common_name','sans','status','environment','owner_id','team_id','issuer_id','target_ids','renewal_policy_id','certificate_profile_id','expires_at','tags','last_renewal_at','last_deployment_at','revoked_at','revocation_reason','created_at','updated_at','source','serial_number','fingerprint_sha256','key_algorithm','renew_at','generation']
async function time(name: string, fields?: string[], asked: any = {}) {
  const day = 86400000
  const xs: number[] = []
  for (let i = 0; i < 150; i++) {
    const s = performance.now()
    await store.certificateList.page({ filter: { now: inventory.now, ...asked.filter }, order: asked.order ?? { by: 'expires_at', descending: false }, request: { limit: 50, count: false, after: asked.order ? undefined : { value: new Date(inventory.now.getTime() + (i % 300) * day).toISOString(), id: '' } }, ...(fields ? { fields } : {}) } as never)
    if (i >= 30) xs.push(performance.now() - s)
  }
  xs.sort((a, b) => a - b)
  console.log(name.padEnd(30), xs[60]!.toFixed(2), 'p10', xs[12]!.toFixed(2))
}
for (let k = 0; k < 2; k++) {
await time('whole')
await time('all fields given', all)
await time('none', ['id'])
for (const f of all) await time('without ' + f, all.filter((x) => x !== f))
await time('status', undefined, { filter: { status: 'Active' }, order: { by: 'created_at', descending: false } })
}
await database.close()
await inventory.close()
