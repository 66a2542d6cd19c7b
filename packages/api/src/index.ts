export {
  type AuditCheckpointRecord,
  type AuditFault,
  type AuditRecord,
  type AuditVerdict,
  auditCheckpointSchema,
  auditFaultSchema,
  auditRecordSchema,
  auditVerdictSchema,
  bytesOf,
  emptyHead,
  headHash,
  hexOf,
  leafHash,
  merkleRoot,
  parseAuditRecord,
  type Sha256,
} from './audit-proof.js'
export { type AuditTools, verifyAudit, verifyExport } from './verify-audit.js'
