/** Public door of identity/: who is calling, from evidence that a caller cannot make up. */

export { checkClaims, collectClaims, type Claim } from './claimed-names.ts'
export { explainIdentity, type IdentityExplanation, type IdentityStep } from './explain-identity.ts'
export { type Resolution } from './match-profile.ts'
export { createIdentityResolver, type IdentityResolver } from './resolve-agent.ts'
