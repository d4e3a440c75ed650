package dev.narrow.amp.djl;

/**
 * What computes the operations that a policy has in 16 bits. Formats that PyTorch does not compute
 * in are emulated under each.
 */
public enum DjlBackend {
  /**
   * PyTorch's own 16-bit arithmetic, its autocast switched on around each operation that the policy
   * has in few bits. Results are rounded to 16 bits, and are fp32 after that if the policy's output
   * is.
   */
  LIBTORCH,
  /**
   * fp16 operands made by operations of DJL that gradients flow through, for a PyTorch whose
   * autocast cannot be reached; DJL has no bf16.
   */
  CASTS,
  /**
   * Operands with the values of the format, in fp32 arithmetic. The gradient passes the rounding as
   * it is: the straight-through estimator (arXiv 1308.3432).
   */
  EMULATED
}
