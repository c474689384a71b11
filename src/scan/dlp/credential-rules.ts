/** Every built-in rule, in one list. */

import { AI_RULES } from './ai-rules.ts'
import { CRYPTO_RULES } from './crypto-rules.ts'
import { DEVELOPER_RULES } from './developer-rules.ts'
import { KEY_MATERIAL_RULES } from './key-material-rules.ts'
import { PAIR_RULES } from './pair-rules.ts'
import { PAYMENT_RULES } from './payment-numbers.ts'
import { PROVIDER_RULES } from './provider-rules.ts'
import type { SecretRule } from './secret-rule.ts'

export const CREDENTIAL_RULES: readonly SecretRule[] = [...PROVIDER_RULES, ...AI_RULES, ...DEVELOPER_RULES, ...KEY_MATERIAL_RULES, ...CRYPTO_RULES, ...PAIR_RULES, ...PAYMENT_RULES]
