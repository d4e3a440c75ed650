package dev.narrow.quant;

/** How an element x, its factor s and its zero point z make the number that is rounded. */
public enum Division {
  /** fl(x / s); the zero point is added after rounding (ONNX QuantizeLinear). */
  QUOTIENT,
  /** fl(x × fl(1 / s)); the zero point is added after rounding (PyTorch's fake_quantize). */
  RECIPROCAL,
  /** fl(fl(x × fl(1 / s)) + z): rounded last (PyTorch's quantize_per_channel on the CPU). */
  RECIPROCAL_SHIFTED,
  /** fl(x × fl(1 / s) + z), fused: rounded last (PyTorch's quantize_per_tensor on the CPU). */
  RECIPROCAL_FUSED
}
