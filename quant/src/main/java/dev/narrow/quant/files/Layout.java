package dev.narrow.quant.files;

import dev.narrow.formats.Names;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Under which names, dtypes and metadata quantized tensors lie in a .safetensors file. */
public enum Layout {
  /**
   * Every format and recipe: codes under the tensor's own name, scales beside them, and a metadata
   * block that says what they are.
   *
   * <p>A tensor NAME becomes NAME, its codes: in the dtype of safetensors that has the format, else
   * packed without gaps in one dimension of U8 below 8 bits, or as U8, U16 or U32. NAME.scale has
   * the shape of its grid and the dtype of its format, else codes as unsigned integers;
   * NAME.scale.outer, of two levels the outer one, is F32, NAME.zero_point I32. What is not
   * quantized is as it was.
   *
   * <p>{@code __metadata__} has the one key {@code narrow}, with a JSON document:
   *
   * <pre>{@code
   * {"version":"1",
   *  "kinds":{"0":{"format":"e2m1","granularity":"block=16","scale":"e4m3fn","outer":"tensor",
   *                "quantizer":"how the codes were made, in words"}},
   *  "tensors":{"w":{"kind":"0","shape":[64,256],"packed":false}}}
   * }</pre>
   *
   * Formats are named as {@link dev.narrow.formats.Formats#parse} reads them, granularities as
   * {@link dev.narrow.quant.Granularity#parse} does. {@code granularity} and {@code scale} are not
   * there where there are no scales, {@code outer} where there is one level; {@code
   * "zero_point":"int32"} is there where there are zero points.
   */
  NARROW,
  /**
   * The convention of the Python library compressed-tensors (vllm-project), which vLLM reads, for
   * matrices whose name ends in {@code .weight}, in FP8 and NVFP4, with a {@code config.json}
   * beside the file. Of X.weight, with rows for outputs and columns for inputs:
   *
   * <ul>
   *   <li>{@code float-quantized}: X.weight in F8_E4M3, X.weight_scale in F32 of shape [1]
   *       (strategy tensor), [rows, 1] (channel) or [⌈rows / 128⌉, ⌈columns / 128⌉] (block). A
   *       value is weight × scale.
   *   <li>{@code nvfp4-pack-quantized}: X.weight_packed in U8 of shape [rows, columns / 2], two
   *       E2M1 codes in a byte, that of the even column in its lower half; X.weight_scale in
   *       F8_E4M3 of shape [rows, columns / 16]; X.weight_global_scale in F32 of shape [1]. A value
   *       is e2m1 × (scale / global scale), the quotient in float32: so the global scale is the
   *       reciprocal of NVFP4's tensor scale, 448 · 6 / amax.
   * </ul>
   *
   * <p>The global scale is written as fl32(1 / tensor scale), and factors read back are fl32(scale
   * / global scale), as that library computes them: they may be some 2^-23 off those that the codes
   * were made with, which are fl32(scale × tensor scale).
   *
   * <p>Such files are known by these names. Of FP8, scales in F16 and BF16 are read too, taken as
   * the numbers that they are, and scales for groups of columns, [rows, columns / group].
   *
   * <p>In config.json, that of the source with another {@code quantization_config}, all modules are
   * {@code Linear} if they are quantized alike, else they are named; {@code ignore} has the
   * matrices that stayed. Activations are not quantized.
   */
  COMPRESSED_TENSORS;

  /**
   * The layout with a name, upper and lower case being the same.
   *
   * @param name {@code narrow} or {@code compressed-tensors}
   * @throws IllegalArgumentException if no layout has it; the message tells the nearest
   */
  public static Layout parse(String name) {
    String key = name.strip().toLowerCase(Locale.ROOT);
    List<String> names = Arrays.stream(values()).map(Layout::toString).toList();
    for (Layout layout : values()) {
      if (layout.toString().equals(key)) {
        return layout;
      }
    }
    throw new IllegalArgumentException(
        "layout = \"" + Names.shown(name) + "\", expected one of " + Names.nearest(key, names));
  }

  /** The name that {@link #parse} understands. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
