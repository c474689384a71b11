/** Public door of identity/: who is calling, from evidence that a caller cannot make up. */

export { checkClaims } from './claimed-names.ts'
export { explainIdentity, type IdentityExplanation } from './explain-identity.ts'
export { createIdentityResolver, type IdentityResolver } from './resolve-agent.ts'
