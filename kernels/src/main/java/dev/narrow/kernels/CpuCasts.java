package dev.narrow.kernels;

import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** {@link Casts} on the processor. */
interface CpuCasts extends Casts {

  @Override
  default Tensor quantize(Quantizer quantizer, Tensor x, @Nullable RandomBits random) {
    return quantizer.quantize(x, random);
  }

  @Override
  default void quantize(Quantizer quantizer, Tensor x, Tensor codes, @Nullable RandomBits random) {
    quantizer.quantize(x, codes, random);
  }

  @Override
  default Scales fakeQuantize(
      Quantizer quantizer, Tensor x, Tensor y, @Nullable RandomBits random) {
    return quantizer.fakeQuantize(x, y, random);
  }

  @Override
  default void decode(Tensor codes, Tensor y) {
    Arguments.expectShape(y, "y", codes.shape());
    Arguments.expectApart(codes, "codes", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.read(codes)) {
      System.arraycopy(from.array(), from.offset(), to.array(), to.offset(), to.size());
      to.store();
    }
  }
}
