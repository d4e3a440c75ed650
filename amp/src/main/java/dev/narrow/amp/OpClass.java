package dev.narrow.amp;

/**
 * What a policy does with the operands of an operation. In the words of TensorFlow's graph
 * rewriter: allow, deny, infer, clear.
 */
public enum OpClass {
  /** Its operands are brought into the formats of their roles, and it returns the output format. */
  LOWER,
  /** Its operands are brought into fp32, and it returns fp32: what follows it is fp32 as well. */
  F32,
  /** It works in its operands' format if they have one in common, else in fp32. */
  FOLLOW,
  /** It moves or selects values and changes none: the result has its first operand's format. */
  NEUTRAL,
  /** Its operands are brought into the widest of their formats: fp32 unless they are all alike. */
  PROMOTE,
  /** It is refused: in few bits its result is not to be trusted. */
  BANNED
}
