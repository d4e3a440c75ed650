package dev.narrow.amp;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.kernels.Accumulator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Accumulators in policy files; the grammar is in {@link AmpPolicy}. */
final class AccumulatorText {
  private static final List<String> OVERFLOWS = List.of("saturate", "wrap");

  private AccumulatorText() {}

  static Accumulator read(PolicyLine line) {
    String word = line.next("an accumulator: f32, f64, exact, a format, chunks, fixed or log-bins");
    return switch (word.toLowerCase(Locale.ROOT)) {
      case "f64", "fp64" -> Accumulator.fp64();
      case "exact" -> Accumulator.exact();
      case "chunks" -> {
        int chunk = integer(line, "terms of a chunk");
        Accumulator within = read(line);
        Accumulator across = read(line);
        yield line.read(word, _ -> Accumulator.chunked(chunk, within, across));
      }
      case "fixed" -> {
        int bits = integer(line, "bits");
        int fractionBits = integer(line, "bits after the binary point");
        Rounding rounding = line.read(line.next("a rounding"), Rounding::parse);
        Accumulator.Fixed.Overflow overflow = overflow(line);
        yield line.read(word, _ -> new Accumulator.Fixed(bits, fractionBits, rounding, overflow));
      }
      case "log-bins" -> {
        int entries = integer(line, "entries of the table");
        int bits = integer(line, "bits");
        int fractionBits = integer(line, "bits after the binary point");
        yield line.read(word, _ -> new Accumulator.LogBins(entries, bits, fractionBits));
      }
      default -> rounded(line, line.read(word, Formats::parse));
    };
  }

  private static Accumulator rounded(PolicyLine line, NumericFormat format) {
    Projection projection = format.defaultProjection();
    boolean plain = true;
    while (true) {
      if (line.skip("round")) {
        projection = projection.with(line.read(line.next("a rounding"), Rounding::parse));
      } else if (line.skip("saturate")) {
        projection = projection.with(line.read(line.next("a saturation"), Saturation::parse));
      } else {
        break;
      }
      plain = false;
    }
    if (plain && format.equals(Formats.FP32)) {
      return Accumulator.fp32();
    }
    Projection each = projection;
    return line.read("", _ -> new Accumulator.Rounded(format, each));
  }

  private static int integer(PolicyLine line, String expected) {
    String word = line.next(expected);
    if (!word.matches("-?\\d{1,9}")) {
      throw line.error("\"" + word + "\", expected " + expected + ", an integer");
    }
    return Integer.parseInt(word);
  }

  private static Accumulator.Fixed.Overflow overflow(PolicyLine line) {
    String word = line.next("saturate or wrap");
    return switch (word) {
      case "saturate" -> Accumulator.Fixed.Overflow.SATURATE;
      case "wrap" -> Accumulator.Fixed.Overflow.WRAP;
      default -> throw line.unknown(word, "saturate or wrap", OVERFLOWS);
    };
  }

  static String text(Accumulator accumulator) {
    return switch (accumulator) {
      case Accumulator.Fp32 _ -> "f32";
      case Accumulator.Fp64 _ -> "f64";
      case Accumulator.Exact _ -> "exact";
      case Accumulator.Chunked c ->
          "chunks " + c.chunk() + " " + text(c.within()) + " " + text(c.across());
      case Accumulator.Fixed f ->
          "fixed %d %d %s %s"
              .formatted(
                  f.bits(),
                  f.fractionBits(),
                  f.rounding(),
                  f.overflow() == Accumulator.Fixed.Overflow.WRAP ? "wrap" : "saturate");
      case Accumulator.LogBins b ->
          "log-bins " + b.entries() + " " + b.bits() + " " + b.fractionBits();
      case Accumulator.Rounded r -> text(r.format(), r.projection());
    };
  }

  private static String text(NumericFormat format, Projection projection) {
    Projection usual = format.defaultProjection();
    String text = format.name();
    if (!projection.rounding().equals(usual.rounding()) || format.equals(Formats.FP32)) {
      text += " round " + projection.rounding();
    }
    if (!projection.saturation().equals(usual.saturation())) {
      text +=
          Saturation.presets().entrySet().stream()
              .filter(preset -> preset.getValue().equals(projection.saturation()))
              .findFirst()
              .map(Map.Entry::getKey)
              .map(preset -> " saturate " + preset)
              .orElseThrow(() ->
                  new IllegalStateException(
                      "no name is this saturation, so no text can be: " + projection.saturation()));
    }
    return text;
  }
}
