package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Writes files of quantized tensors, whole or not at all. Each tensor is read and quantized once;
 * what is in memory is bounded by the largest, the rest waits in a temporary file beside the
 * output.
 */
public final class QuantizedWriter {
  private QuantizedWriter() {}

  /** Turns one tensor into codes and scales. */
  @FunctionalInterface
  public interface Step {
    /**
     * Quantizes a tensor.
     *
     * @param info what its file says about it
     * @param values fp32, in memory of their own
     * @param quantizer that the plan has for it
     * @return a tensor of the same shape in the quantizer's format
     * @throws IOException if it cannot, which leaves the old file as it was
     */
    Tensor quantize(TensorInfo info, Tensor values, Quantizer quantizer) throws IOException;
  }

  /**
   * Writes a file with the tensors of another. Of its metadata, nothing is taken over. A tensor
   * that stays as it is keeps bytes and dtype where that is one of safetensors; otherwise it is
   * written as {@link TensorFile#tensor} has it, so that one that is quantized already stays so.
   *
   * @param out the .safetensors file; directories above it are created
   * @param replace whether what exists is replaced; otherwise it is left as it is
   * @param layout of the tensors in the file
   * @param source the tensors
   * @param plan a quantizer for each tensor, or none if it stays as it is
   * @param step turns each of the planned ones into codes and scales, one after the other
   * @throws IllegalArgumentException if something in the plan cannot be: a tensor that does not
   *     hold floating-point numbers, a granularity without its axes, what the layout does not
   *     express, two tensors of one name; no tensor has been read then. Also if the step's result
   *     is not as described
   * @throws TensorFileException if the source cannot be read, or a planned tensor has 2^31 elements
   *     or more
   * @throws IOException if the output exists and is not to be replaced, or cannot be written; in
   *     this case as in the others the old file is as it was. The same of the config.json of {@link
   *     Layout#COMPRESSED_TENSORS}, which is written last
   */
  public static void write(
      Path out,
      boolean replace,
      Layout layout,
      TensorFile source,
      Function<TensorInfo, Optional<Quantizer>> plan,
      Step step)
      throws IOException {
    SafetensorsWriter.requireAbsent(out, replace);
    LayoutWriter writer =
        switch (layout) {
          case NARROW -> new NarrowWriter();
          case COMPRESSED_TENSORS -> CompressedTensorsWriter.of(out, replace, source.path());
        };
    Map<String, Quantizer> planned = planned(source, plan, writer);
    List<TensorInfo> kept = new ArrayList<>();
    try (Spool spool = Spool.beside(out)) {
      for (TensorInfo info : source.tensors()) {
        Quantizer quantizer = planned.get(info.name());
        if (quantizer != null) {
          Tensor tensor = quantized(source, info, quantizer, step);
          writer.put(info, tensor, quantizer.toString(), spool);
        } else if (isPlain(info)) {
          writer.keep(info);
          kept.add(info);
        } else {
          keep(info, source.tensor(info.name()), writer, spool);
        }
      }
      List<TensorInfo> all = new ArrayList<>(spool.tensors());
      all.addAll(kept);
      Set<TensorInfo> fromSource = Set.copyOf(kept);
      SafetensorsWriter.write(
          out,
          replace,
          writer.metadata(),
          all,
          (info, sink) -> {
            if (fromSource.contains(info)) {
              sink.write(source.bytes(info.name()));
            } else {
              spool.writeTo(info, sink);
            }
          });
    }
    writer.finish();
  }

  /** The quantizers by the names of their tensors, all of it checked. */
  private static Map<String, Quantizer> planned(
      TensorFile source, Function<TensorInfo, Optional<Quantizer>> plan, LayoutWriter writer) {
    Map<String, Quantizer> planned = new HashMap<>();
    Set<String> names = new HashSet<>();
    for (TensorInfo info : source.tensors()) {
      Optional<Quantizer> quantizer = plan.apply(info);
      List<String> become = List.of(info.name());
      if (quantizer.isPresent()) {
        requireQuantizable(source, info, quantizer.get());
        planned.put(info.name(), quantizer.get());
        become = writer.names(info, QuantizedType.of(quantizer.get()));
      }
      for (String name : become) {
        if (!names.add(name)) {
          throw new IllegalArgumentException(
              described(info) + " would be written as '" + name + "', which there is already");
        }
      }
    }
    return planned;
  }

  private static void requireQuantizable(TensorFile source, TensorInfo info, Quantizer quantizer) {
    if (!info.hasFloats()) {
      throw new IllegalArgumentException(
          described(info)
              + " is of "
              + info.dtype()
              + ", expected floating-point numbers to quantize");
    }
    Shape shape = Requests.shape(source.path(), info);
    try {
      quantizer.granularity().grid(shape);
      quantizer.scaling().outer().ifPresent(outer -> outer.grid(shape));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(described(info) + ": " + e.getMessage(), e);
    }
  }

  private static Tensor quantized(
      TensorFile source, TensorInfo info, Quantizer quantizer, Step step) throws IOException {
    Shape shape = Requests.shape(source.path(), info);
    float[] values = new float[shape.size()];
    source.read(info.name(), 0, values);
    Tensor fp32 = Tensor.of(Storage.of(values), shape, Formats.FP32, Scales.one());
    Tensor result = step.quantize(info, fp32, quantizer);
    if (!result.shape().equals(shape) || !result.format().equals(quantizer.format())) {
      throw new IllegalArgumentException(
          described(info)
              + " became "
              + result
              + ", expected "
              + quantizer.format().name()
              + shape);
    }
    return result;
  }

  /** Whether a tensor can be copied byte by byte. */
  private static boolean isPlain(TensorInfo info) {
    for (SafetensorsType type : SafetensorsType.values()) {
      if (type.name().equals(info.dtype())) {
        return type.info(info.name(), info.shape()).equals(info);
      }
    }
    return false;
  }

  /** Writes a tensor as it is in memory. */
  private static void keep(TensorInfo info, Tensor tensor, LayoutWriter writer, Spool spool)
      throws IOException {
    CodePlace place = CodePlace.of(tensor.format(), tensor.shape());
    boolean plain = tensor.scales().equals(Scales.one());
    if (plain && place.type().format().filter(tensor.format()::equals).isPresent()) {
      spool.putCodes(place.info(info.name()), tensor);
    } else {
      writer.put(info, tensor, "", spool);
    }
  }

  /** What messages call a tensor. */
  static String described(TensorInfo info) {
    return "tensor '" + JsonCursor.shown(info.name()) + "'";
  }
}
