package dev.narrow.quant;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.Names;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PositFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The quantizers that people mean by a name, and quantizers by name.
 *
 * <p>A name may be followed by what is to be different, after slashes: a {@link Granularity#parse
 * granularity}, a {@link ScaleRule#parse rule for scales} ({@code ceil}), the format of scales
 * ({@code scale=e4m3fn}), a calibration ({@code percentile=99.9}, {@code mse}, {@code kl}), a
 * {@link Rounding#parse rounding} ({@code round=toward-zero}, and {@code linear} for its linear
 * domain), a {@link Saturation#parse saturation} ({@code saturate=ocp-sat}), or one of its choices
 * ({@code overflow=max-finite}, {@code infinity=keep}, {@code nan=nan-or-max}, {@code
 * underflow=clamp}). So {@code mxfp8/ceil} is MXFP8 with scales rounded up to powers of two, and
 * {@code lns4/block=16} is 4-bit logarithms with a scale for each 16.
 */
public final class Recipes {
  private static final Granularity TENSOR = new Granularity.PerTensor();

  private record Recipe(Quantizer quantizer, String source) {}

  private static final Map<String, Recipe> ALL = new LinkedHashMap<>();

  static {
    String mx =
        "OCP Microscaling Formats 1.0: blocks of 32, E8M0 scales by section 6.3, saturating";
    add("mxfp8-e4m3", mx(Formats.E4M3FN), mx);
    add("mxfp8-e5m2", mx(Formats.E5M2), mx);
    add("mxint8", mx(Formats.MXINT8), mx);
    add("mxfp6-e2m3", mx(Formats.E2M3), mx);
    add("mxfp6-e3m2", mx(Formats.E3M2), mx);
    add("mxfp4", mx(Formats.E2M1), mx);
    add(
        "nvfp4",
        nvfp4().with(nvfp4().scaling().withOuter(TENSOR)),
        "NVIDIA: blocks of 16, E4M3 scales amax / 6 under a scale of the tensor, amax / (448 · 6)");
    add("nvfp4-one-level", nvfp4(), "NVFP4 without the scale of the tensor");
    add(
        "vsq4",
        Quantizer.of(Formats.INT4)
            .with(new Granularity.PerBlock(-1, 16))
            .with(
                Scaling.of(ScaleRule.AMAX_TO_MAX_FINITE)
                    .with(Formats.UINT4, nearest(Formats.UINT4))
                    .with(Scaling.ZeroScale.SMALLEST)
                    .withOuter(new Granularity.PerAxis(0))),
        "VS-Quant (Dai et al. 2021): vectors of 16, 4-bit scales under a scale of each row");
    add(
        "fp8-1x128",
        fp8(new Granularity.PerBlock(-1, 128)),
        "DeepSeek-V3 (2024), activations: E4M3, a float32 scale for each 128");
    add(
        "fp8-128x128",
        fp8(new Granularity.PerTile(128, 128)),
        "DeepSeek-V3 (2024), weights: E4M3, a float32 scale for each 128 x 128");
    add("fp8", fp8(TENSOR), "E4M3, one float32 scale, amax / 448 (Transformer Engine)");
    Quantizer lns8 = Quantizer.of(Formats.LNS8).with(ScaleRule.AMAX_TO_POWER_OF_TWO);
    add("lns8", lns8, "8-bit logarithms, the smallest power of two that brings amax into range");
    add("lns8-row", lns8.with(new Granularity.PerAxis(0)), "the same for each row");
    add("lns8-block", lns8.with(new Granularity.PerBlock(-1, 32)), "the same for each 32");
    Quantizer lns4 = Quantizer.of(Formats.parse("lns:b4g2")).with(ScaleRule.AMAX_TO_MAX_FINITE);
    add("lns4", lns4, "4-bit logarithms, 7 magnitudes half an octave apart, amax the largest");
    add("lns4-row", lns4.with(new Granularity.PerAxis(0)), "the same for each row");
    add("lns4-block", lns4.with(new Granularity.PerBlock(-1, 32)), "the same for each 32");
    Quantizer int8 = Quantizer.of(Formats.INT8);
    Quantizer int4 = Quantizer.of(Formats.INT4);
    add("int8-symmetric", int8.with(ScaleRule.AMAX_TO_MAX_FINITE), "scale amax / 127");
    add("int8-asymmetric", int8.with(ScaleRule.MIN_TO_MAX), "scale (max - min) / 255, zero point");
    add("int4-symmetric", int4.with(ScaleRule.AMAX_TO_MAX_FINITE), "scale amax / 7");
    add("int4-asymmetric", int4.with(ScaleRule.MIN_TO_MAX), "scale (max - min) / 15, zero point");
    Quantizer nf4 = Quantizer.of(Formats.NF4).with(new Granularity.PerBlock(-1, 64));
    add("nf4", nf4.with(ScaleRule.AMAX), "QLoRA (Dettmers et al. 2023): blocks of 64, scale amax");
  }

  private Recipes() {}

  private static void add(String name, Quantizer quantizer, String source) {
    ALL.put(name, new Recipe(quantizer, source));
  }

  private static Quantizer mx(NumericFormat format) {
    return Quantizer.of(format)
        .with(Saturation.OCP_SAT)
        .with(new Granularity.PerBlock(-1, 32))
        .with(Scaling.e8m0(ScaleRule.POWER_OF_TWO_FLOOR));
  }

  private static Quantizer nvfp4() {
    return Quantizer.of(Formats.E2M1)
        .with(Saturation.OCP_SAT)
        .with(new Granularity.PerBlock(-1, 16))
        .with(
            Scaling.of(ScaleRule.AMAX_TO_MAX_FINITE).with(Formats.E4M3FN, nearest(Formats.E4M3FN)));
  }

  private static Quantizer fp8(Granularity granularity) {
    return Quantizer.of(Formats.E4M3FN)
        .with(Saturation.OCP_SAT)
        .with(granularity)
        .with(ScaleRule.AMAX_TO_MAX_FINITE);
  }

  /** Saturating: a scale beyond the range is the largest one. */
  private static Projection nearest(NumericFormat format) {
    return format.defaultProjection().with(Rounding.NEAREST_EVEN).with(Saturation.OCP_SAT);
  }

  /** The names of the recipes. */
  public static List<String> names() {
    return List.copyOf(ALL.keySet());
  }

  /**
   * Where a recipe is defined.
   *
   * @param name one of {@link #names}
   * @throws IllegalArgumentException if it is none
   */
  public static String source(String name) {
    Recipe recipe = ALL.get(name);
    if (recipe == null) {
      throw new IllegalArgumentException(unknown(name));
    }
    return recipe.source();
  }

  /**
   * The quantizer with this name: a recipe or a format, and what is to be different.
   *
   * <p>A format alone has no scale if it is a floating-point format of 16 bits or more or a posit;
   * otherwise one for the tensor: for logarithmic formats the smallest power of two that brings
   * amax into range, for others amax / largest value, floating-point formats saturating.
   *
   * @throws IllegalArgumentException if the name is not understood; the message has the nearest
   */
  public static Quantizer parse(String name) {
    String[] parts = name.strip().toLowerCase(Locale.ROOT).split("/", -1);
    Recipe recipe = ALL.get(alias(parts[0]));
    Quantizer quantizer = recipe == null ? ofFormat(parts[0]) : recipe.quantizer();
    for (int i = 1; i < parts.length; i++) {
      quantizer = changed(quantizer, parts[i]);
    }
    return quantizer;
  }

  /**
   * The shortest name that {@link #parse} understands as this quantizer, in changes and then in
   * their order here: the format's own, or that of a recipe, and what is different.
   *
   * @return empty if no name has it: not every division, zero scale or projection of scales does
   */
  public static Optional<String> name(Quantizer quantizer) {
    return RecipeNames.name(quantizer);
  }

  private static String alias(String name) {
    return switch (name) {
      case "mxfp8" -> "mxfp8-e4m3";
      case "mxfp6" -> "mxfp6-e2m3";
      default -> name;
    };
  }

  private static Quantizer ofFormat(String name) {
    NumericFormat format;
    try {
      format = Formats.parse(name);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(unknown(name), e);
    }
    Quantizer plain = Quantizer.of(format);
    return switch (format) {
      case FloatFormat f when f.width() >= 16 -> plain;
      case PositFormat _ -> plain;
      case LogFormat _ -> plain.with(ScaleRule.AMAX_TO_POWER_OF_TWO);
      case FloatFormat _ ->
          plain.with(ScaleRule.AMAX_TO_MAX_FINITE).with(Saturation.OCP_SAT); // what is clipped
      default -> plain.with(ScaleRule.AMAX_TO_MAX_FINITE);
    };
  }

  private static Quantizer changed(Quantizer quantizer, String change) {
    if (Granularity.NAME.matcher(change).matches()) {
      return quantizer.with(Granularity.parse(change));
    }
    Optional<ScaleRule> rule = ScaleRule.find(change);
    if (rule.isPresent()) {
      return quantizer.with(rule.get());
    }
    Calibration calibration = calibration(change);
    if (calibration != null) {
      return quantizer.with(quantizer.scaling().with(calibration));
    }
    if (change.startsWith("scale=")) {
      NumericFormat format = Formats.parse(change.substring("scale=".length()));
      Scaling scaling = quantizer.scaling();
      return quantizer.with(scaling.with(format, nearest(format)));
    }
    if (change.startsWith("round=")) {
      return quantizer.with(Rounding.parse(change.substring("round=".length())));
    }
    Optional<Saturation> saturation =
        SaturationChanges.changed(quantizer.projection().saturation(), change);
    if (saturation.isPresent()) {
      return quantizer.with(saturation.get());
    }
    if (change.equals("linear")) {
      return quantizer.with(quantizer.projection().rounding().linear());
    }
    throw new IllegalArgumentException(
        "recipe = \""
            + Names.shown(change)
            + "\", expected after a slash: tensor, axis=N, block=N[@AXIS], tile=RxC, "
            + String.join(", ", ScaleRule.specs())
            + ", percentile=P, mse, kl, scale=FORMAT, round=ROUNDING, linear,"
            + " saturate=SATURATION, overflow=, infinity=, nan=, underflow=...");
  }

  private static @Nullable Calibration calibration(String change) {
    if (change.startsWith("percentile=")) {
      try {
        double percent = Double.parseDouble(change.substring("percentile=".length()));
        return new Calibration.Percentile(percent);
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "recipe = \"" + Names.shown(change) + "\", expected percentile=99.9 or so", e);
      }
    }
    return switch (change) {
      case "mse" -> new Calibration.MinError();
      case "kl" -> new Calibration.KlDivergence(2048);
      default -> null;
    };
  }

  private static String unknown(String name) {
    List<String> known = new ArrayList<>(ALL.keySet());
    Formats.all().forEach(format -> known.add(format.name()));
    return "recipe = \""
        + Names.shown(name)
        + "\", expected one of "
        + String.join(", ", ALL.keySet())
        + ", or a format"
        + "; nearest: "
        + Names.nearest(name, known);
  }
}
