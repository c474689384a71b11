/** What can be wrong with a message that is signed or verified (RFC 9421). Messages name components and rules, never their values. */

export type SignatureFaultCode =
  /** A component identifier that RFC 9421 does not define, or with parameters that do not go with it. */
  | 'component_invalid'
  /** The same component twice. */
  | 'component_duplicate'
  /** A component that the message does not have. */
  | 'component_missing'
  /** A component value that cannot stand in a signature base: a control, a line break, a character outside ASCII. */
  | 'value_invalid'
  /** A structured field that does not parse, or that two readers could read differently. */
  | 'field_malformed'
  /** A signature parameter that is unknown, missing, or of the wrong type. */
  | 'parameter_invalid'
  /** A key or algorithm that cannot be used. */
  | 'key_invalid'

export class MessageSignatureError extends Error {
  override readonly name = 'MessageSignatureError'
  readonly code: SignatureFaultCode

  constructor(code: SignatureFaultCode, problem: string, options?: ErrorOptions) {
    super(problem, options)
    this.code = code
  }
}
