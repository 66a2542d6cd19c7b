import type { RowCheck } from './ask-rows.js'

/** A holder has one current version, and it is the one its row names. */
export const oneCurrentVersion: RowCheck = {
  invariant: 'oneCurrentVersion',
  faults: `
    select 'holder of ' || holders.certificate_id || ' has ' || count(*) || ' current versions, or names another one' as fault
      from versions join holders on holders.id = versions.holder_id
     where versions.standing = 'current' and $1::timestamptz is not null
     group by holders.id, holders.certificate_id, holders.current_version_id
    having count(*) > 1 or min(versions.id) <> holders.current_version_id`,
}
