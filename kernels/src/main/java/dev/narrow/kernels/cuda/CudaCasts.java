package dev.narrow.kernels.cuda;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Casts;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** {@link Casts} on a device. */
interface CudaCasts extends Casts {
  /** Where the tensors lie. */
  CudaDevice device();

  @Override
  default Tensor quantize(Quantizer quantizer, Tensor x, @Nullable RandomBits random) {
    HostOperands on = new HostOperands(device());
    Tensor codes = Backend.cpu().quantize(quantizer, on.read(x, "x"), random);
    return x.storage() instanceof DeviceStorage ? device().upload(codes) : codes;
  }

  @Override
  default void quantize(Quantizer quantizer, Tensor x, Tensor codes, @Nullable RandomBits random) {
    HostOperands on = new HostOperands(device());
    Backend.cpu().quantize(quantizer, on.read(x, "x"), on.write(codes, "codes"), random);
    on.store();
  }

  @Override
  default Scales fakeQuantize(
      Quantizer quantizer, Tensor x, Tensor y, @Nullable RandomBits random) {
    HostOperands on = new HostOperands(device());
    Scales scales =
        Backend.cpu().fakeQuantize(quantizer, on.read(x, "x"), on.write(y, "y"), random);
    on.store();
    return scales;
  }

  @Override
  default void decode(Tensor codes, Tensor y) {
    HostOperands on = new HostOperands(device());
    Backend.cpu().decode(on.read(codes, "codes"), on.write(y, "y"));
    on.store();
  }
}
