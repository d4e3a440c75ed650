package dev.narrow.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.kernels.Arguments;
import dev.narrow.quant.Division;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A tensor as the kernels of optimizers.cu take it that decode and encode on the way: Coded. */
final class CodedOperand {
  /** In the order of Kind. */
  private static final List<NumericFormat> KINDS =
      List.of(Formats.FP32, Formats.FP16, Formats.BF16, Formats.E4M3FN, Formats.E5M2, Formats.LNS8);

  private static final int BYTES = 40;

  private CodedOperand() {}

  /** Whether the kernels can read it: codes of theirs under one scale that loses nothing. */
  static boolean canRead(Tensor tensor) {
    if (tensor.isFp32()) {
      return true;
    }
    boolean one =
        tensor.scales().granularity() instanceof Granularity.PerTensor
            && !tensor.scales().hasZeroPoints()
            && tensor.rotation().isEmpty();
    float scale = one ? tensor.scales().get(0) : 0f;
    return KINDS.indexOf(tensor.format()) > 0
        && scale >= Float.MIN_NORMAL
        && scale <= Float.MAX_VALUE;
  }

  /** Whether they can write it as well: to nearest, by division. */
  static boolean canWrite(Tensor tensor) {
    if (tensor.isFp32()) {
      return true;
    }
    Quantizer quantizer = Arguments.quantizer(tensor);
    Saturation saturation = quantizer.projection().saturation();
    return canRead(tensor)
        && quantizer.division() == Division.QUOTIENT
        && quantizer.projection().rounding().equals(Rounding.NEAREST_EVEN)
        && saturation.underflow() == Saturation.Underflow.FLUSH
        && !saturation.flushInputs()
        && !saturation.flushResults();
  }

  /** The struct. */
  static MemorySegment of(CudaDevice device, Tensor tensor, String name) {
    MemorySegment struct = MemorySegment.ofArray(new byte[BYTES]);
    struct.set(JAVA_LONG_UNALIGNED, 0, device.pointer(tensor, name));
    struct.set(JAVA_INT_UNALIGNED, 8, KINDS.indexOf(tensor.format()));
    struct.set(JAVA_FLOAT_UNALIGNED, 12, tensor.isFp32() ? 1f : tensor.scales().get(0));
    if (!tensor.isFp32()) {
      Projection projection = Arguments.quantizer(tensor).projection();
      float[] special = {Float.MAX_VALUE, Float.POSITIVE_INFINITY, Float.NaN};
      for (int i = 0; i < special.length; i++) {
        struct.set(JAVA_INT_UNALIGNED, 16 + 8 * i, tensor.format().encode(special[i], projection));
        struct.set(JAVA_INT_UNALIGNED, 20 + 8 * i, tensor.format().encode(-special[i], projection));
      }
    }
    return struct;
  }
}
