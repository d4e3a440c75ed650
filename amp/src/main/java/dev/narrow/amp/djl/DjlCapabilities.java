package dev.narrow.amp.djl;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What DJL's engine can compute in few bits here, and why the rest is not there. */
public final class DjlCapabilities {
  private final String engine;
  private final @Nullable LibtorchAutocast autocast;
  private final Map<DjlBackend, String> missing = new EnumMap<>(DjlBackend.class);
  private final boolean bf16;
  private final boolean fp16;

  /**
   * What was found.
   *
   * @param engine name and version
   * @param autocast its switches, if they were found
   * @param missing why backends are not there
   */
  DjlCapabilities(
      String engine,
      @Nullable LibtorchAutocast autocast,
      Map<DjlBackend, String> missing,
      boolean bf16,
      boolean fp16) {
    this.engine = engine;
    this.autocast = autocast;
    this.missing.putAll(missing);
    this.bf16 = bf16;
    this.fp16 = fp16;
  }

  /** The engine and its version, for example {@code PyTorch 2.7.1}. */
  public String engine() {
    return engine;
  }

  /** Whether a backend is there. */
  public boolean has(DjlBackend backend) {
    return !missing.containsKey(backend);
  }

  /** Why a backend is not there; empty if it is. */
  public Optional<String> whyNot(DjlBackend backend) {
    return Optional.ofNullable(missing.get(backend));
  }

  /** Whether the processor has instructions for products of bf16. */
  public boolean hasFastBf16() {
    return bf16;
  }

  /** Whether the processor has instructions for products of fp16. */
  public boolean hasFastFp16() {
    return fp16;
  }

  @Nullable LibtorchAutocast autocast() {
    return autocast;
  }

  /** A line for each backend. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    line(text, "engine", true, engine);
    line(
        text,
        "libtorch",
        has(DjlBackend.LIBTORCH),
        whyNot(DjlBackend.LIBTORCH)
            .orElse(
                "bf16"
                    + (bf16 ? "" : " (the processor has no instructions for it)")
                    + (fp16
                        ? ", fp16"
                        : "; fp16 with allowSlow() alone, the processor has no instructions for it")));
    line(
        text,
        "casts",
        has(DjlBackend.CASTS),
        whyNot(DjlBackend.CASTS)
            .orElse(
                fp16
                    ? "fp16"
                    : "fp16 with allowSlow() alone, the processor has no instructions for it"));
    line(
        text,
        "emulated",
        has(DjlBackend.EMULATED),
        whyNot(DjlBackend.EMULATED).orElse("every format, in fp32 arithmetic"));
    return text.toString();
  }

  private static void line(StringBuilder text, String part, boolean there, String what) {
    text.append("%-10s%-5s%s%n".formatted(part, there ? "yes" : "no", what));
  }
}
