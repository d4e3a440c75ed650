package dev.narrow.kernels.cuda;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
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

  private CodedOperand() {}

  /**
   * Whether the kernels can read it: codes of theirs under one scale that loses nothing, and that
   * is known without waiting for the device.
   */
  static boolean canRead(CudaDevice device, Tensor tensor) {
    return tensor.isFp32() || (!device.castScales().areUnread(tensor.scales()) && isKind(tensor));
  }

  private static boolean isKind(Tensor tensor) {
    boolean one =
        tensor.scales().granularity() instanceof Granularity.PerTensor
            && !tensor.scales().hasZeroPoints()
            && tensor.rotation().isEmpty();
    float scale = one ? tensor.scales().get(0) : 0f;
    return KINDS.indexOf(tensor.format()) > 0
        && scale >= Float.MIN_NORMAL
        && scale <= Float.MAX_VALUE;
  }

  /**
   * Whether they can write it as well: to nearest, by division. Its scale is known from the first
   * time on: what is written stays from step to step.
   */
  static boolean canWrite(CudaDevice device, Tensor tensor) {
    if (tensor.isFp32()) {
      return true;
    }
    Quantizer quantizer = Arguments.quantizer(tensor);
    return device.castScales().areReadable(tensor.scales())
        && isKind(tensor)
        && quantizer.division() == Division.QUOTIENT
        && CastEncoder.isNearest(tensor.format(), quantizer.projection());
  }

  /** The struct. */
  static MemorySegment of(CudaDevice device, Tensor tensor, String name) {
    boolean isFp32 = tensor.isFp32();
    KernelStruct struct =
        new KernelStruct()
            .add(device.pointer(tensor, name))
            .add(
                KINDS.indexOf(tensor.format()),
                Float.floatToRawIntBits(isFp32 ? 1f : tensor.scales().get(0)));
    if (isFp32) {
      return struct.add(0, 0, 0, 0, 0, 0).segment();
    }
    Projection projection = Arguments.quantizer(tensor).projection();
    return CastEncoder.special(struct, tensor.format(), projection).segment();
  }
}
